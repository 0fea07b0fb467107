/* nvml_none.c - what driver 580 exports and this machine has not.
 *
 * A program that finds the function and calls it is told so, as it is by a driver on a card without the feature: vGPU,
 * confidential computing, PRM registers, workload power profiles. What only root may change, nobody may here. The arguments are
 * not looked at: whatever they are, the answer is the same (both calling conventions that we build for let the caller clean up). */
#include "sim/nvml_int.h"

static nvmlReturn_t answer(nvmlReturn_t code)
{
    return nv_state() ? code : NVML_ERROR_UNINITIALIZED;
}

#define FUNCTION(name, code)                                            \
    __attribute__((visibility("default"))) nvmlReturn_t name(void);     \
    nvmlReturn_t name(void)                                             \
    {                                                                   \
        return answer(code);                                            \
    }
#define NONE(name) FUNCTION(name, NVML_ERROR_NOT_SUPPORTED)
#define ROOT(name) FUNCTION(name, NVML_ERROR_NO_PERMISSION)

/* clang-format off */
NONE(nvmlComputeInstanceGetInfo) NONE(nvmlComputeInstanceGetInfo_v2) NONE(nvmlDeviceClearCpuAffinity) NONE(nvmlDeviceDiscoverGpus)
NONE(nvmlDeviceGetAPIRestriction) NONE(nvmlDeviceGetAccountingBufferSize) NONE(nvmlDeviceGetAccountingPids) NONE(nvmlDeviceGetAccountingStats)
NONE(nvmlDeviceGetActiveVgpus) NONE(nvmlDeviceGetAdaptiveClockInfoStatus) NONE(nvmlDeviceGetAddressingMode)
NONE(nvmlDeviceGetAutoBoostedClocksEnabled) NONE(nvmlDeviceGetBoardPartNumber) NONE(nvmlDeviceGetBridgeChipInfo) NONE(nvmlDeviceGetC2cModeInfoV)
NONE(nvmlDeviceGetCapabilities) NONE(nvmlDeviceGetClkMonStatus) NONE(nvmlDeviceGetClockOffsets) NONE(nvmlDeviceGetConfComputeGpuAttestationReport)
NONE(nvmlDeviceGetConfComputeGpuCertificate) NONE(nvmlDeviceGetConfComputeMemSizeInfo) NONE(nvmlDeviceGetConfComputeProtectedMemoryUsage)
NONE(nvmlDeviceGetCoolerInfo) NONE(nvmlDeviceGetCpuAffinityWithinScope) NONE(nvmlDeviceGetCreatableVgpus) NONE(nvmlDeviceGetCurrentClockFreqs)
NONE(nvmlDeviceGetDramEncryptionMode) NONE(nvmlDeviceGetDriverModel) NONE(nvmlDeviceGetDriverModel_v2) NONE(nvmlDeviceGetDynamicPstatesInfo)
NONE(nvmlDeviceGetEncoderCapacity) NONE(nvmlDeviceGetEncoderSessions) NONE(nvmlDeviceGetEncoderStats) NONE(nvmlDeviceGetFBCSessions)
NONE(nvmlDeviceGetFBCStats) NONE(nvmlDeviceGetFanControlPolicy_v2) NONE(nvmlDeviceGetFanSpeedRPM) NONE(nvmlDeviceGetGpcClkMinMaxVfOffset)
NONE(nvmlDeviceGetGpcClkVfOffset) NONE(nvmlDeviceGetGpuFabricInfo) NONE(nvmlDeviceGetGpuFabricInfoV) NONE(nvmlDeviceGetGpuInstanceById)
NONE(nvmlDeviceGetGpuInstancePossiblePlacements) NONE(nvmlDeviceGetGpuInstancePossiblePlacements_v2) NONE(nvmlDeviceGetGpuInstanceProfileInfo)
NONE(nvmlDeviceGetGpuInstanceProfileInfoByIdV) NONE(nvmlDeviceGetGpuInstanceProfileInfoV) NONE(nvmlDeviceGetGpuInstanceRemainingCapacity)
NONE(nvmlDeviceGetGpuInstances) NONE(nvmlDeviceGetGpuOperationMode) NONE(nvmlDeviceGetGridLicensableFeatures)
NONE(nvmlDeviceGetGridLicensableFeatures_v2) NONE(nvmlDeviceGetGridLicensableFeatures_v3) NONE(nvmlDeviceGetGridLicensableFeatures_v4)
NONE(nvmlDeviceGetHandleBySerial) NONE(nvmlDeviceGetHandleByUUIDV) NONE(nvmlDeviceGetHostVgpuMode) NONE(nvmlDeviceGetInforomConfigurationChecksum)
NONE(nvmlDeviceGetInforomImageVersion) NONE(nvmlDeviceGetInforomVersion) NONE(nvmlDeviceGetIrqNum) NONE(nvmlDeviceGetLastBBXFlushTime)
NONE(nvmlDeviceGetMemClkMinMaxVfOffset) NONE(nvmlDeviceGetMemClkVfOffset) NONE(nvmlDeviceGetMemoryAffinity) NONE(nvmlDeviceGetMinMaxClockOfPState)
NONE(nvmlDeviceGetModuleId) NONE(nvmlDeviceGetNumaNodeId) NONE(nvmlDeviceGetNvLinkInfo) NONE(nvmlDeviceGetNvLinkUtilizationControl)
NONE(nvmlDeviceGetNvLinkUtilizationCounter) NONE(nvmlDeviceGetNvlinkBwMode) NONE(nvmlDeviceGetNvlinkSupportedBwModes) NONE(nvmlDeviceGetPciInfoExt)
NONE(nvmlDeviceGetPdi) NONE(nvmlDeviceGetPerformanceModes) NONE(nvmlDeviceGetPgpuMetadataString) NONE(nvmlDeviceGetPlatformInfo)
NONE(nvmlDeviceGetPowerMizerMode_v1) NONE(nvmlDeviceGetPowerSource) NONE(nvmlDeviceGetProcessesUtilizationInfo) NONE(nvmlDeviceGetRepairStatus)
NONE(nvmlDeviceGetSamples) NONE(nvmlDeviceGetSramEccErrorStatus) NONE(nvmlDeviceGetSramUniqueUncorrectedEccErrorCounts)
NONE(nvmlDeviceGetSupportedPerformanceStates) NONE(nvmlDeviceGetSupportedVgpus) NONE(nvmlDeviceGetTargetFanSpeed) NONE(nvmlDeviceGetThermalSettings)
NONE(nvmlDeviceGetTotalEnergyConsumption) NONE(nvmlDeviceGetVgpuCapabilities) NONE(nvmlDeviceGetVgpuHeterogeneousMode)
NONE(nvmlDeviceGetVgpuInstancesUtilizationInfo) NONE(nvmlDeviceGetVgpuMetadata) NONE(nvmlDeviceGetVgpuProcessUtilization)
NONE(nvmlDeviceGetVgpuProcessesUtilizationInfo) NONE(nvmlDeviceGetVgpuSchedulerCapabilities) NONE(nvmlDeviceGetVgpuSchedulerLog)
NONE(nvmlDeviceGetVgpuSchedulerState) NONE(nvmlDeviceGetVgpuTypeCreatablePlacements) NONE(nvmlDeviceGetVgpuTypeSupportedPlacements)
NONE(nvmlDeviceGetVgpuUtilization) NONE(nvmlDeviceQueryDrainState) NONE(nvmlDeviceReadWritePRM_v1) NONE(nvmlDeviceSetCpuAffinity)
NONE(nvmlDeviceValidateInforom) NONE(nvmlDeviceWorkloadPowerProfileClearRequestedProfiles) NONE(nvmlDeviceWorkloadPowerProfileGetCurrentProfiles)
NONE(nvmlDeviceWorkloadPowerProfileGetProfilesInfo) NONE(nvmlDeviceWorkloadPowerProfileSetRequestedProfiles) NONE(nvmlGetExcludedDeviceInfoByIndex)
NONE(nvmlGetVgpuCompatibility) NONE(nvmlGetVgpuDriverCapabilities) NONE(nvmlGetVgpuVersion) NONE(nvmlGpmMetricsGet) NONE(nvmlGpmMigSampleGet)
NONE(nvmlGpmQueryDeviceSupport) NONE(nvmlGpmQueryIfStreamingEnabled) NONE(nvmlGpmSampleAlloc) NONE(nvmlGpmSampleFree) NONE(nvmlGpmSampleGet)
NONE(nvmlGpmSetStreamingEnabled) NONE(nvmlGpuInstanceGetActiveVgpus) NONE(nvmlGpuInstanceGetComputeInstanceById)
NONE(nvmlGpuInstanceGetComputeInstancePossiblePlacements) NONE(nvmlGpuInstanceGetComputeInstanceProfileInfo)
NONE(nvmlGpuInstanceGetComputeInstanceProfileInfoV) NONE(nvmlGpuInstanceGetComputeInstanceRemainingCapacity) NONE(nvmlGpuInstanceGetComputeInstances)
NONE(nvmlGpuInstanceGetCreatableVgpus) NONE(nvmlGpuInstanceGetInfo) NONE(nvmlGpuInstanceGetVgpuHeterogeneousMode)
NONE(nvmlGpuInstanceGetVgpuSchedulerLog) NONE(nvmlGpuInstanceGetVgpuSchedulerState) NONE(nvmlGpuInstanceGetVgpuTypeCreatablePlacements)
NONE(nvmlSystemEventSetCreate) NONE(nvmlSystemEventSetFree) NONE(nvmlSystemEventSetWait) NONE(nvmlSystemGetConfComputeCapabilities)
NONE(nvmlSystemGetConfComputeGpusReadyState) NONE(nvmlSystemGetConfComputeKeyRotationThresholdInfo) NONE(nvmlSystemGetConfComputeSettings)
NONE(nvmlSystemGetConfComputeState) NONE(nvmlSystemGetDriverBranch) NONE(nvmlSystemGetHicVersion) NONE(nvmlSystemGetNvlinkBwMode)
NONE(nvmlSystemGetTopologyGpuSet) NONE(nvmlSystemRegisterEvents) NONE(nvmlUnitGetDevices) NONE(nvmlUnitGetFanSpeedInfo) NONE(nvmlUnitGetHandleByIndex)
NONE(nvmlUnitGetLedState) NONE(nvmlUnitGetPsuInfo) NONE(nvmlUnitGetTemperature) NONE(nvmlUnitGetUnitInfo) NONE(nvmlUnitSetLedState)
NONE(nvmlVgpuInstanceClearAccountingPids) NONE(nvmlVgpuInstanceGetAccountingMode) NONE(nvmlVgpuInstanceGetAccountingPids)
NONE(nvmlVgpuInstanceGetAccountingStats) NONE(nvmlVgpuInstanceGetEccMode) NONE(nvmlVgpuInstanceGetEncoderCapacity)
NONE(nvmlVgpuInstanceGetEncoderSessions) NONE(nvmlVgpuInstanceGetEncoderStats) NONE(nvmlVgpuInstanceGetFBCSessions) NONE(nvmlVgpuInstanceGetFBCStats)
NONE(nvmlVgpuInstanceGetFbUsage) NONE(nvmlVgpuInstanceGetFrameRateLimit) NONE(nvmlVgpuInstanceGetGpuInstanceId) NONE(nvmlVgpuInstanceGetGpuPciId)
NONE(nvmlVgpuInstanceGetLicenseInfo) NONE(nvmlVgpuInstanceGetLicenseInfo_v2) NONE(nvmlVgpuInstanceGetLicenseStatus) NONE(nvmlVgpuInstanceGetMdevUUID)
NONE(nvmlVgpuInstanceGetMetadata) NONE(nvmlVgpuInstanceGetPlacementId) NONE(nvmlVgpuInstanceGetRuntimeStateSize) NONE(nvmlVgpuInstanceGetType)
NONE(nvmlVgpuInstanceGetUUID) NONE(nvmlVgpuInstanceGetVmDriverVersion) NONE(nvmlVgpuInstanceGetVmID) NONE(nvmlVgpuInstanceSetEncoderCapacity)
NONE(nvmlVgpuTypeGetBAR1Info) NONE(nvmlVgpuTypeGetCapabilities) NONE(nvmlVgpuTypeGetClass) NONE(nvmlVgpuTypeGetDeviceID)
NONE(nvmlVgpuTypeGetFbReservation) NONE(nvmlVgpuTypeGetFrameRateLimit) NONE(nvmlVgpuTypeGetFramebufferSize) NONE(nvmlVgpuTypeGetGpuInstanceProfileId)
NONE(nvmlVgpuTypeGetGspHeapSize) NONE(nvmlVgpuTypeGetLicense) NONE(nvmlVgpuTypeGetMaxInstances) NONE(nvmlVgpuTypeGetMaxInstancesPerGpuInstance)
NONE(nvmlVgpuTypeGetMaxInstancesPerVm) NONE(nvmlVgpuTypeGetName) NONE(nvmlVgpuTypeGetNumDisplayHeads) NONE(nvmlVgpuTypeGetResolution)

/* Changes of a card's or the system's ways. */
ROOT(nvmlComputeInstanceDestroy) ROOT(nvmlDeviceClearAccountingPids) ROOT(nvmlDeviceClearEccErrorCounts) ROOT(nvmlDeviceClearFieldValues)
ROOT(nvmlDeviceCreateGpuInstance) ROOT(nvmlDeviceCreateGpuInstanceWithPlacement) ROOT(nvmlDeviceFreezeNvLinkUtilizationCounter)
ROOT(nvmlDeviceModifyDrainState) ROOT(nvmlDevicePowerSmoothingActivatePresetProfile) ROOT(nvmlDevicePowerSmoothingSetState)
ROOT(nvmlDevicePowerSmoothingUpdatePresetProfileParam) ROOT(nvmlDeviceRemoveGpu) ROOT(nvmlDeviceRemoveGpu_v2) ROOT(nvmlDeviceResetApplicationsClocks)
ROOT(nvmlDeviceResetGpuLockedClocks) ROOT(nvmlDeviceResetMemoryLockedClocks) ROOT(nvmlDeviceResetNvLinkErrorCounters)
ROOT(nvmlDeviceResetNvLinkUtilizationCounter) ROOT(nvmlDeviceSetAPIRestriction) ROOT(nvmlDeviceSetAccountingMode)
ROOT(nvmlDeviceSetApplicationsClocks) ROOT(nvmlDeviceSetAutoBoostedClocksEnabled) ROOT(nvmlDeviceSetClockOffsets) ROOT(nvmlDeviceSetComputeMode)
ROOT(nvmlDeviceSetConfComputeUnprotectedMemSize) ROOT(nvmlDeviceSetDefaultAutoBoostedClocksEnabled) ROOT(nvmlDeviceSetDefaultFanSpeed_v2)
ROOT(nvmlDeviceSetDramEncryptionMode) ROOT(nvmlDeviceSetDriverModel) ROOT(nvmlDeviceSetEccMode) ROOT(nvmlDeviceSetFanControlPolicy)
ROOT(nvmlDeviceSetFanSpeed_v2) ROOT(nvmlDeviceSetGpcClkVfOffset) ROOT(nvmlDeviceSetGpuLockedClocks) ROOT(nvmlDeviceSetGpuOperationMode)
ROOT(nvmlDeviceSetMemClkVfOffset) ROOT(nvmlDeviceSetMemoryLockedClocks) ROOT(nvmlDeviceSetMigMode) ROOT(nvmlDeviceSetNvLinkDeviceLowPowerThreshold)
ROOT(nvmlDeviceSetNvLinkUtilizationControl) ROOT(nvmlDeviceSetNvlinkBwMode) ROOT(nvmlDeviceSetPersistenceMode) ROOT(nvmlDeviceSetPowerManagementLimit)
ROOT(nvmlDeviceSetPowerManagementLimit_v2) ROOT(nvmlDeviceSetPowerMizerMode_v1) ROOT(nvmlDeviceSetTemperatureThreshold)
ROOT(nvmlDeviceSetVgpuCapabilities) ROOT(nvmlDeviceSetVgpuHeterogeneousMode) ROOT(nvmlDeviceSetVgpuSchedulerState)
ROOT(nvmlDeviceSetVirtualizationMode) ROOT(nvmlGpuInstanceCreateComputeInstance) ROOT(nvmlGpuInstanceCreateComputeInstanceWithPlacement)
ROOT(nvmlGpuInstanceDestroy) ROOT(nvmlGpuInstanceSetVgpuHeterogeneousMode) ROOT(nvmlGpuInstanceSetVgpuSchedulerState) ROOT(nvmlSetVgpuVersion)
ROOT(nvmlSystemSetConfComputeGpusReadyState) ROOT(nvmlSystemSetConfComputeKeyRotationThresholdInfo) ROOT(nvmlSystemSetNvlinkBwMode)
