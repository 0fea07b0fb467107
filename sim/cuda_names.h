/* cuda_names.h - every entry of the driver, as CUDA 13.0's headers name them (cudaTypedefs.h and its GL, EGL, VDPAU and profiler
 * sisters): under this name, from this CUDA version on, this symbol. ROW: legacy default stream; TWIN: per-thread default stream.
 *
 * CUDA_NONE lists the symbols that this machine has only in name: they answer NOT_SUPPORTED (cuda_none.c). */
#ifndef BT_SIM_CUDA_NAMES_H
#define BT_SIM_CUDA_NAMES_H

/* clang-format off */
#define CUDA_NAMES(ROW, TWIN) \
    ROW(cuArray3DCreate, 2000, cuArray3DCreate) ROW(cuArray3DCreate, 3020, cuArray3DCreate_v2) \
    ROW(cuArray3DGetDescriptor, 2000, cuArray3DGetDescriptor) ROW(cuArray3DGetDescriptor, 3020, cuArray3DGetDescriptor_v2) \
    ROW(cuArrayCreate, 2000, cuArrayCreate) ROW(cuArrayCreate, 3020, cuArrayCreate_v2) ROW(cuArrayDestroy, 2000, cuArrayDestroy) \
    ROW(cuArrayGetDescriptor, 2000, cuArrayGetDescriptor) ROW(cuArrayGetDescriptor, 3020, cuArrayGetDescriptor_v2) \
    ROW(cuArrayGetMemoryRequirements, 11060, cuArrayGetMemoryRequirements) ROW(cuArrayGetPlane, 11020, cuArrayGetPlane) \
    ROW(cuArrayGetSparseProperties, 11010, cuArrayGetSparseProperties) ROW(cuCheckpointProcessCheckpoint, 12080, cuCheckpointProcessCheckpoint) \
    ROW(cuCheckpointProcessGetRestoreThreadId, 12080, cuCheckpointProcessGetRestoreThreadId) \
    ROW(cuCheckpointProcessGetState, 12080, cuCheckpointProcessGetState) ROW(cuCheckpointProcessLock, 12080, cuCheckpointProcessLock) \
    ROW(cuCheckpointProcessRestore, 12080, cuCheckpointProcessRestore) ROW(cuCheckpointProcessUnlock, 12080, cuCheckpointProcessUnlock) \
    ROW(cuCoredumpGetAttribute, 12010, cuCoredumpGetAttribute) ROW(cuCoredumpGetAttributeGlobal, 12010, cuCoredumpGetAttributeGlobal) \
    ROW(cuCoredumpSetAttribute, 12010, cuCoredumpSetAttribute) ROW(cuCoredumpSetAttributeGlobal, 12010, cuCoredumpSetAttributeGlobal) \
    ROW(cuCtxAttach, 2000, cuCtxAttach) ROW(cuCtxCreate, 2000, cuCtxCreate) ROW(cuCtxCreate, 3020, cuCtxCreate_v2) \
    ROW(cuCtxCreate, 11040, cuCtxCreate_v3) ROW(cuCtxCreate, 12050, cuCtxCreate_v4) ROW(cuCtxDestroy, 2000, cuCtxDestroy) \
    ROW(cuCtxDestroy, 4000, cuCtxDestroy_v2) ROW(cuCtxDetach, 2000, cuCtxDetach) ROW(cuCtxDisablePeerAccess, 4000, cuCtxDisablePeerAccess) \
    ROW(cuCtxEnablePeerAccess, 4000, cuCtxEnablePeerAccess) ROW(cuCtxFromGreenCtx, 12040, cuCtxFromGreenCtx) \
    ROW(cuCtxGetApiVersion, 3020, cuCtxGetApiVersion) ROW(cuCtxGetCacheConfig, 3020, cuCtxGetCacheConfig) ROW(cuCtxGetCurrent, 4000, cuCtxGetCurrent) \
    ROW(cuCtxGetDevResource, 12040, cuCtxGetDevResource) ROW(cuCtxGetDevice, 2000, cuCtxGetDevice) ROW(cuCtxGetDevice, 13000, cuCtxGetDevice_v2) \
    ROW(cuCtxGetExecAffinity, 11040, cuCtxGetExecAffinity) ROW(cuCtxGetFlags, 7000, cuCtxGetFlags) ROW(cuCtxGetId, 12000, cuCtxGetId) \
    ROW(cuCtxGetLimit, 3010, cuCtxGetLimit) ROW(cuCtxGetSharedMemConfig, 4020, cuCtxGetSharedMemConfig) \
    ROW(cuCtxGetStreamPriorityRange, 5050, cuCtxGetStreamPriorityRange) ROW(cuCtxPopCurrent, 2000, cuCtxPopCurrent) \
    ROW(cuCtxPopCurrent, 4000, cuCtxPopCurrent_v2) ROW(cuCtxPushCurrent, 2000, cuCtxPushCurrent) ROW(cuCtxPushCurrent, 4000, cuCtxPushCurrent_v2) \
    ROW(cuCtxRecordEvent, 12050, cuCtxRecordEvent) ROW(cuCtxResetPersistingL2Cache, 11000, cuCtxResetPersistingL2Cache) \
    ROW(cuCtxSetCacheConfig, 3020, cuCtxSetCacheConfig) ROW(cuCtxSetCurrent, 4000, cuCtxSetCurrent) ROW(cuCtxSetFlags, 12010, cuCtxSetFlags) \
    ROW(cuCtxSetLimit, 3010, cuCtxSetLimit) ROW(cuCtxSetSharedMemConfig, 4020, cuCtxSetSharedMemConfig) ROW(cuCtxSynchronize, 2000, cuCtxSynchronize) \
    ROW(cuCtxSynchronize, 13000, cuCtxSynchronize_v2) ROW(cuCtxWaitEvent, 12050, cuCtxWaitEvent) \
    ROW(cuDestroyExternalMemory, 10000, cuDestroyExternalMemory) ROW(cuDestroyExternalSemaphore, 10000, cuDestroyExternalSemaphore) \
    ROW(cuDevResourceGenerateDesc, 12040, cuDevResourceGenerateDesc) ROW(cuDevSmResourceSplitByCount, 12040, cuDevSmResourceSplitByCount) \
    ROW(cuDeviceCanAccessPeer, 4000, cuDeviceCanAccessPeer) ROW(cuDeviceComputeCapability, 2000, cuDeviceComputeCapability) \
    ROW(cuDeviceGet, 2000, cuDeviceGet) ROW(cuDeviceGetAttribute, 2000, cuDeviceGetAttribute) ROW(cuDeviceGetByPCIBusId, 4010, cuDeviceGetByPCIBusId) \
    ROW(cuDeviceGetCount, 2000, cuDeviceGetCount) ROW(cuDeviceGetDefaultMemPool, 11020, cuDeviceGetDefaultMemPool) \
    ROW(cuDeviceGetDevResource, 12040, cuDeviceGetDevResource) ROW(cuDeviceGetExecAffinitySupport, 11040, cuDeviceGetExecAffinitySupport) \
    ROW(cuDeviceGetGraphMemAttribute, 11040, cuDeviceGetGraphMemAttribute) \
    ROW(cuDeviceGetHostAtomicCapabilities, 13000, cuDeviceGetHostAtomicCapabilities) ROW(cuDeviceGetLuid, 10000, cuDeviceGetLuid) \
    ROW(cuDeviceGetMemPool, 11020, cuDeviceGetMemPool) ROW(cuDeviceGetName, 2000, cuDeviceGetName) \
    ROW(cuDeviceGetNvSciSyncAttributes, 10020, cuDeviceGetNvSciSyncAttributes) \
    ROW(cuDeviceGetP2PAtomicCapabilities, 13000, cuDeviceGetP2PAtomicCapabilities) ROW(cuDeviceGetP2PAttribute, 8000, cuDeviceGetP2PAttribute) \
    ROW(cuDeviceGetPCIBusId, 4010, cuDeviceGetPCIBusId) ROW(cuDeviceGetProperties, 2000, cuDeviceGetProperties) \
    ROW(cuDeviceGetTexture1DLinearMaxWidth, 11010, cuDeviceGetTexture1DLinearMaxWidth) ROW(cuDeviceGetUuid, 9020, cuDeviceGetUuid) \
    ROW(cuDeviceGetUuid, 11040, cuDeviceGetUuid_v2) ROW(cuDeviceGraphMemTrim, 11040, cuDeviceGraphMemTrim) \
    ROW(cuDevicePrimaryCtxGetState, 7000, cuDevicePrimaryCtxGetState) ROW(cuDevicePrimaryCtxRelease, 7000, cuDevicePrimaryCtxRelease) \
    ROW(cuDevicePrimaryCtxRelease, 11000, cuDevicePrimaryCtxRelease_v2) ROW(cuDevicePrimaryCtxReset, 7000, cuDevicePrimaryCtxReset) \
    ROW(cuDevicePrimaryCtxReset, 11000, cuDevicePrimaryCtxReset_v2) ROW(cuDevicePrimaryCtxRetain, 7000, cuDevicePrimaryCtxRetain) \
    ROW(cuDevicePrimaryCtxSetFlags, 7000, cuDevicePrimaryCtxSetFlags) ROW(cuDevicePrimaryCtxSetFlags, 11000, cuDevicePrimaryCtxSetFlags_v2) \
    ROW(cuDeviceRegisterAsyncNotification, 12040, cuDeviceRegisterAsyncNotification) \
    ROW(cuDeviceSetGraphMemAttribute, 11040, cuDeviceSetGraphMemAttribute) ROW(cuDeviceSetMemPool, 11020, cuDeviceSetMemPool) \
    ROW(cuDeviceTotalMem, 2000, cuDeviceTotalMem) ROW(cuDeviceTotalMem, 3020, cuDeviceTotalMem_v2) \
    ROW(cuDeviceUnregisterAsyncNotification, 12040, cuDeviceUnregisterAsyncNotification) ROW(cuDriverGetVersion, 2020, cuDriverGetVersion) \
    ROW(cuEGLStreamConsumerAcquireFrame, 7000, cuEGLStreamConsumerAcquireFrame) ROW(cuEGLStreamConsumerConnect, 7000, cuEGLStreamConsumerConnect) \
    ROW(cuEGLStreamConsumerConnectWithFlags, 8000, cuEGLStreamConsumerConnectWithFlags) \
    ROW(cuEGLStreamConsumerDisconnect, 7000, cuEGLStreamConsumerDisconnect) \
    ROW(cuEGLStreamConsumerReleaseFrame, 7000, cuEGLStreamConsumerReleaseFrame) ROW(cuEGLStreamProducerConnect, 7000, cuEGLStreamProducerConnect) \
    ROW(cuEGLStreamProducerDisconnect, 7000, cuEGLStreamProducerDisconnect) \
    ROW(cuEGLStreamProducerPresentFrame, 7000, cuEGLStreamProducerPresentFrame) \
    ROW(cuEGLStreamProducerReturnFrame, 7000, cuEGLStreamProducerReturnFrame) ROW(cuEventCreate, 2000, cuEventCreate) \
    ROW(cuEventCreateFromEGLSync, 9000, cuEventCreateFromEGLSync) ROW(cuEventDestroy, 2000, cuEventDestroy) \
    ROW(cuEventDestroy, 4000, cuEventDestroy_v2) ROW(cuEventElapsedTime, 2000, cuEventElapsedTime) \
    ROW(cuEventElapsedTime, 12080, cuEventElapsedTime_v2) ROW(cuEventQuery, 2000, cuEventQuery) ROW(cuEventRecord, 2000, cuEventRecord) \
    TWIN(cuEventRecord, 7000, cuEventRecord_ptsz) ROW(cuEventRecordWithFlags, 11010, cuEventRecordWithFlags) \
    TWIN(cuEventRecordWithFlags, 11010, cuEventRecordWithFlags_ptsz) ROW(cuEventSynchronize, 2000, cuEventSynchronize) \
    ROW(cuExternalMemoryGetMappedBuffer, 10000, cuExternalMemoryGetMappedBuffer) \
    ROW(cuExternalMemoryGetMappedMipmappedArray, 10000, cuExternalMemoryGetMappedMipmappedArray) \
    ROW(cuFlushGPUDirectRDMAWrites, 11030, cuFlushGPUDirectRDMAWrites) ROW(cuFuncGetAttribute, 2020, cuFuncGetAttribute) \
    ROW(cuFuncGetModule, 11000, cuFuncGetModule) ROW(cuFuncGetName, 12030, cuFuncGetName) ROW(cuFuncGetParamInfo, 12040, cuFuncGetParamInfo) \
    ROW(cuFuncIsLoaded, 12040, cuFuncIsLoaded) ROW(cuFuncLoad, 12040, cuFuncLoad) ROW(cuFuncSetAttribute, 9000, cuFuncSetAttribute) \
    ROW(cuFuncSetBlockShape, 2000, cuFuncSetBlockShape) ROW(cuFuncSetCacheConfig, 3000, cuFuncSetCacheConfig) \
    ROW(cuFuncSetSharedMemConfig, 4020, cuFuncSetSharedMemConfig) ROW(cuFuncSetSharedSize, 2000, cuFuncSetSharedSize) \
    ROW(cuGLCtxCreate, 2000, cuGLCtxCreate) ROW(cuGLCtxCreate, 3020, cuGLCtxCreate_v2) ROW(cuGLGetDevices, 4010, cuGLGetDevices) \
    ROW(cuGLGetDevices, 6050, cuGLGetDevices_v2) ROW(cuGLInit, 2000, cuGLInit) ROW(cuGLMapBufferObject, 2000, cuGLMapBufferObject) \
    ROW(cuGLMapBufferObject, 3020, cuGLMapBufferObject_v2) TWIN(cuGLMapBufferObject, 7000, cuGLMapBufferObject_v2_ptds) \
    ROW(cuGLMapBufferObjectAsync, 2030, cuGLMapBufferObjectAsync) ROW(cuGLMapBufferObjectAsync, 3020, cuGLMapBufferObjectAsync_v2) \
    TWIN(cuGLMapBufferObjectAsync, 7000, cuGLMapBufferObjectAsync_v2_ptsz) ROW(cuGLRegisterBufferObject, 2000, cuGLRegisterBufferObject) \
    ROW(cuGLSetBufferObjectMapFlags, 2030, cuGLSetBufferObjectMapFlags) ROW(cuGLUnmapBufferObject, 2000, cuGLUnmapBufferObject) \
    ROW(cuGLUnmapBufferObjectAsync, 2030, cuGLUnmapBufferObjectAsync) ROW(cuGLUnregisterBufferObject, 2000, cuGLUnregisterBufferObject) \
    ROW(cuGetErrorName, 6000, cuGetErrorName) ROW(cuGetErrorString, 6000, cuGetErrorString) ROW(cuGetExportTable, 3000, cuGetExportTable) \
    ROW(cuGetProcAddress, 11030, cuGetProcAddress) ROW(cuGetProcAddress, 12000, cuGetProcAddress_v2) \
    ROW(cuGraphAddBatchMemOpNode, 11070, cuGraphAddBatchMemOpNode) ROW(cuGraphAddChildGraphNode, 10000, cuGraphAddChildGraphNode) \
    ROW(cuGraphAddDependencies, 10000, cuGraphAddDependencies) ROW(cuGraphAddDependencies, 12030, cuGraphAddDependencies_v2) \
    ROW(cuGraphAddEmptyNode, 10000, cuGraphAddEmptyNode) ROW(cuGraphAddEventRecordNode, 11010, cuGraphAddEventRecordNode) \
    ROW(cuGraphAddEventWaitNode, 11010, cuGraphAddEventWaitNode) \
    ROW(cuGraphAddExternalSemaphoresSignalNode, 11020, cuGraphAddExternalSemaphoresSignalNode) \
    ROW(cuGraphAddExternalSemaphoresWaitNode, 11020, cuGraphAddExternalSemaphoresWaitNode) ROW(cuGraphAddHostNode, 10000, cuGraphAddHostNode) \
    ROW(cuGraphAddKernelNode, 10000, cuGraphAddKernelNode) ROW(cuGraphAddKernelNode, 12000, cuGraphAddKernelNode_v2) \
    ROW(cuGraphAddMemAllocNode, 11040, cuGraphAddMemAllocNode) ROW(cuGraphAddMemFreeNode, 11040, cuGraphAddMemFreeNode) \
    ROW(cuGraphAddMemcpyNode, 10000, cuGraphAddMemcpyNode) ROW(cuGraphAddMemsetNode, 10000, cuGraphAddMemsetNode) \
    ROW(cuGraphAddNode, 12020, cuGraphAddNode) ROW(cuGraphAddNode, 12030, cuGraphAddNode_v2) \
    ROW(cuGraphBatchMemOpNodeGetParams, 11070, cuGraphBatchMemOpNodeGetParams) \
    ROW(cuGraphBatchMemOpNodeSetParams, 11070, cuGraphBatchMemOpNodeSetParams) \
    ROW(cuGraphChildGraphNodeGetGraph, 10000, cuGraphChildGraphNodeGetGraph) ROW(cuGraphClone, 10000, cuGraphClone) \
    ROW(cuGraphConditionalHandleCreate, 12030, cuGraphConditionalHandleCreate) ROW(cuGraphCreate, 10000, cuGraphCreate) \
    ROW(cuGraphDebugDotPrint, 11030, cuGraphDebugDotPrint) ROW(cuGraphDestroy, 10000, cuGraphDestroy) \
    ROW(cuGraphDestroyNode, 10000, cuGraphDestroyNode) ROW(cuGraphEventRecordNodeGetEvent, 11010, cuGraphEventRecordNodeGetEvent) \
    ROW(cuGraphEventRecordNodeSetEvent, 11010, cuGraphEventRecordNodeSetEvent) ROW(cuGraphEventWaitNodeGetEvent, 11010, cuGraphEventWaitNodeGetEvent) \
    ROW(cuGraphEventWaitNodeSetEvent, 11010, cuGraphEventWaitNodeSetEvent) \
    ROW(cuGraphExecBatchMemOpNodeSetParams, 11070, cuGraphExecBatchMemOpNodeSetParams) \
    ROW(cuGraphExecChildGraphNodeSetParams, 11010, cuGraphExecChildGraphNodeSetParams) ROW(cuGraphExecDestroy, 10000, cuGraphExecDestroy) \
    ROW(cuGraphExecEventRecordNodeSetEvent, 11010, cuGraphExecEventRecordNodeSetEvent) \
    ROW(cuGraphExecEventWaitNodeSetEvent, 11010, cuGraphExecEventWaitNodeSetEvent) \
    ROW(cuGraphExecExternalSemaphoresSignalNodeSetParams, 11020, cuGraphExecExternalSemaphoresSignalNodeSetParams) \
    ROW(cuGraphExecExternalSemaphoresWaitNodeSetParams, 11020, cuGraphExecExternalSemaphoresWaitNodeSetParams) \
    ROW(cuGraphExecGetFlags, 12000, cuGraphExecGetFlags) ROW(cuGraphExecHostNodeSetParams, 10020, cuGraphExecHostNodeSetParams) \
    ROW(cuGraphExecKernelNodeSetParams, 10010, cuGraphExecKernelNodeSetParams) \
    ROW(cuGraphExecKernelNodeSetParams, 12000, cuGraphExecKernelNodeSetParams_v2) \
    ROW(cuGraphExecMemcpyNodeSetParams, 10020, cuGraphExecMemcpyNodeSetParams) \
    ROW(cuGraphExecMemsetNodeSetParams, 10020, cuGraphExecMemsetNodeSetParams) ROW(cuGraphExecNodeSetParams, 12020, cuGraphExecNodeSetParams) \
    ROW(cuGraphExecUpdate, 10020, cuGraphExecUpdate) ROW(cuGraphExecUpdate, 12000, cuGraphExecUpdate_v2) \
    ROW(cuGraphExternalSemaphoresSignalNodeGetParams, 11020, cuGraphExternalSemaphoresSignalNodeGetParams) \
    ROW(cuGraphExternalSemaphoresSignalNodeSetParams, 11020, cuGraphExternalSemaphoresSignalNodeSetParams) \
    ROW(cuGraphExternalSemaphoresWaitNodeGetParams, 11020, cuGraphExternalSemaphoresWaitNodeGetParams) \
    ROW(cuGraphExternalSemaphoresWaitNodeSetParams, 11020, cuGraphExternalSemaphoresWaitNodeSetParams) ROW(cuGraphGetEdges, 10000, cuGraphGetEdges) \
    ROW(cuGraphGetEdges, 12030, cuGraphGetEdges_v2) ROW(cuGraphGetNodes, 10000, cuGraphGetNodes) ROW(cuGraphGetRootNodes, 10000, cuGraphGetRootNodes) \
    ROW(cuGraphHostNodeGetParams, 10000, cuGraphHostNodeGetParams) ROW(cuGraphHostNodeSetParams, 10000, cuGraphHostNodeSetParams) \
    ROW(cuGraphInstantiate, 10000, cuGraphInstantiate) ROW(cuGraphInstantiate, 11000, cuGraphInstantiate_v2) \
    ROW(cuGraphInstantiate, 12000, cuGraphInstantiateWithFlags) ROW(cuGraphInstantiateWithFlags, 11040, cuGraphInstantiateWithFlags) \
    ROW(cuGraphInstantiateWithParams, 12000, cuGraphInstantiateWithParams) \
    TWIN(cuGraphInstantiateWithParams, 12000, cuGraphInstantiateWithParams_ptsz) \
    ROW(cuGraphKernelNodeCopyAttributes, 11000, cuGraphKernelNodeCopyAttributes) \
    ROW(cuGraphKernelNodeGetAttribute, 11000, cuGraphKernelNodeGetAttribute) ROW(cuGraphKernelNodeGetParams, 10000, cuGraphKernelNodeGetParams) \
    ROW(cuGraphKernelNodeGetParams, 12000, cuGraphKernelNodeGetParams_v2) ROW(cuGraphKernelNodeSetAttribute, 11000, cuGraphKernelNodeSetAttribute) \
    ROW(cuGraphKernelNodeSetParams, 10000, cuGraphKernelNodeSetParams) ROW(cuGraphKernelNodeSetParams, 12000, cuGraphKernelNodeSetParams_v2) \
    ROW(cuGraphLaunch, 10000, cuGraphLaunch) TWIN(cuGraphLaunch, 10000, cuGraphLaunch_ptsz) \
    ROW(cuGraphMemAllocNodeGetParams, 11040, cuGraphMemAllocNodeGetParams) ROW(cuGraphMemFreeNodeGetParams, 11040, cuGraphMemFreeNodeGetParams) \
    ROW(cuGraphMemcpyNodeGetParams, 10000, cuGraphMemcpyNodeGetParams) ROW(cuGraphMemcpyNodeSetParams, 10000, cuGraphMemcpyNodeSetParams) \
    ROW(cuGraphMemsetNodeGetParams, 10000, cuGraphMemsetNodeGetParams) ROW(cuGraphMemsetNodeSetParams, 10000, cuGraphMemsetNodeSetParams) \
    ROW(cuGraphNodeFindInClone, 10000, cuGraphNodeFindInClone) ROW(cuGraphNodeGetDependencies, 10000, cuGraphNodeGetDependencies) \
    ROW(cuGraphNodeGetDependencies, 12030, cuGraphNodeGetDependencies_v2) ROW(cuGraphNodeGetDependentNodes, 10000, cuGraphNodeGetDependentNodes) \
    ROW(cuGraphNodeGetDependentNodes, 12030, cuGraphNodeGetDependentNodes_v2) ROW(cuGraphNodeGetEnabled, 11060, cuGraphNodeGetEnabled) \
    ROW(cuGraphNodeGetType, 10000, cuGraphNodeGetType) ROW(cuGraphNodeSetEnabled, 11060, cuGraphNodeSetEnabled) \
    ROW(cuGraphNodeSetParams, 12020, cuGraphNodeSetParams) ROW(cuGraphReleaseUserObject, 11030, cuGraphReleaseUserObject) \
    ROW(cuGraphRemoveDependencies, 10000, cuGraphRemoveDependencies) ROW(cuGraphRemoveDependencies, 12030, cuGraphRemoveDependencies_v2) \
    ROW(cuGraphRetainUserObject, 11030, cuGraphRetainUserObject) ROW(cuGraphUpload, 11010, cuGraphUpload) \
    TWIN(cuGraphUpload, 11010, cuGraphUpload_ptsz) ROW(cuGraphicsEGLRegisterImage, 7000, cuGraphicsEGLRegisterImage) \
    ROW(cuGraphicsGLRegisterBuffer, 3000, cuGraphicsGLRegisterBuffer) ROW(cuGraphicsGLRegisterImage, 3000, cuGraphicsGLRegisterImage) \
    ROW(cuGraphicsMapResources, 3000, cuGraphicsMapResources) TWIN(cuGraphicsMapResources, 7000, cuGraphicsMapResources_ptsz) \
    ROW(cuGraphicsResourceGetMappedEglFrame, 7000, cuGraphicsResourceGetMappedEglFrame) \
    ROW(cuGraphicsResourceGetMappedMipmappedArray, 5000, cuGraphicsResourceGetMappedMipmappedArray) \
    ROW(cuGraphicsResourceGetMappedPointer, 3000, cuGraphicsResourceGetMappedPointer) \
    ROW(cuGraphicsResourceGetMappedPointer, 3020, cuGraphicsResourceGetMappedPointer_v2) \
    ROW(cuGraphicsResourceSetMapFlags, 3000, cuGraphicsResourceSetMapFlags) ROW(cuGraphicsResourceSetMapFlags, 6050, cuGraphicsResourceSetMapFlags_v2) \
    ROW(cuGraphicsSubResourceGetMappedArray, 3000, cuGraphicsSubResourceGetMappedArray) ROW(cuGraphicsUnmapResources, 3000, cuGraphicsUnmapResources) \
    TWIN(cuGraphicsUnmapResources, 7000, cuGraphicsUnmapResources_ptsz) ROW(cuGraphicsUnregisterResource, 3000, cuGraphicsUnregisterResource) \
    ROW(cuGraphicsVDPAURegisterOutputSurface, 3010, cuGraphicsVDPAURegisterOutputSurface) \
    ROW(cuGraphicsVDPAURegisterVideoSurface, 3010, cuGraphicsVDPAURegisterVideoSurface) ROW(cuGreenCtxCreate, 12040, cuGreenCtxCreate) \
    ROW(cuGreenCtxDestroy, 12040, cuGreenCtxDestroy) ROW(cuGreenCtxGetDevResource, 12040, cuGreenCtxGetDevResource) \
    ROW(cuGreenCtxGetId, 12090, cuGreenCtxGetId) ROW(cuGreenCtxRecordEvent, 12040, cuGreenCtxRecordEvent) \
    ROW(cuGreenCtxStreamCreate, 12050, cuGreenCtxStreamCreate) ROW(cuGreenCtxWaitEvent, 12040, cuGreenCtxWaitEvent) \
    ROW(cuImportExternalMemory, 10000, cuImportExternalMemory) ROW(cuImportExternalSemaphore, 10000, cuImportExternalSemaphore) \
    ROW(cuInit, 2000, cuInit) ROW(cuIpcCloseMemHandle, 4010, cuIpcCloseMemHandle) ROW(cuIpcGetEventHandle, 4010, cuIpcGetEventHandle) \
    ROW(cuIpcGetMemHandle, 4010, cuIpcGetMemHandle) ROW(cuIpcOpenEventHandle, 4010, cuIpcOpenEventHandle) \
    ROW(cuIpcOpenMemHandle, 4010, cuIpcOpenMemHandle) ROW(cuIpcOpenMemHandle, 11000, cuIpcOpenMemHandle_v2) \
    ROW(cuKernelGetAttribute, 12000, cuKernelGetAttribute) ROW(cuKernelGetFunction, 12000, cuKernelGetFunction) \
    ROW(cuKernelGetLibrary, 12050, cuKernelGetLibrary) ROW(cuKernelGetName, 12030, cuKernelGetName) \
    ROW(cuKernelGetParamInfo, 12040, cuKernelGetParamInfo) ROW(cuKernelSetAttribute, 12000, cuKernelSetAttribute) \
    ROW(cuKernelSetCacheConfig, 12000, cuKernelSetCacheConfig) ROW(cuLaunch, 2000, cuLaunch) \
    ROW(cuLaunchCooperativeKernel, 9000, cuLaunchCooperativeKernel) TWIN(cuLaunchCooperativeKernel, 9000, cuLaunchCooperativeKernel_ptsz) \
    ROW(cuLaunchCooperativeKernelMultiDevice, 9000, cuLaunchCooperativeKernelMultiDevice) ROW(cuLaunchGrid, 2000, cuLaunchGrid) \
    ROW(cuLaunchGridAsync, 2000, cuLaunchGridAsync) ROW(cuLaunchHostFunc, 10000, cuLaunchHostFunc) \
    TWIN(cuLaunchHostFunc, 10000, cuLaunchHostFunc_ptsz) ROW(cuLaunchKernel, 4000, cuLaunchKernel) TWIN(cuLaunchKernel, 7000, cuLaunchKernel_ptsz) \
    ROW(cuLaunchKernelEx, 11060, cuLaunchKernelEx) TWIN(cuLaunchKernelEx, 11060, cuLaunchKernelEx_ptsz) \
    ROW(cuLibraryEnumerateKernels, 12040, cuLibraryEnumerateKernels) ROW(cuLibraryGetGlobal, 12000, cuLibraryGetGlobal) \
    ROW(cuLibraryGetKernel, 12000, cuLibraryGetKernel) ROW(cuLibraryGetKernelCount, 12040, cuLibraryGetKernelCount) \
    ROW(cuLibraryGetManaged, 12000, cuLibraryGetManaged) ROW(cuLibraryGetModule, 12000, cuLibraryGetModule) \
    ROW(cuLibraryGetUnifiedFunction, 12000, cuLibraryGetUnifiedFunction) ROW(cuLibraryLoadData, 12000, cuLibraryLoadData) \
    ROW(cuLibraryLoadFromFile, 12000, cuLibraryLoadFromFile) ROW(cuLibraryUnload, 12000, cuLibraryUnload) ROW(cuLinkAddData, 5050, cuLinkAddData) \
    ROW(cuLinkAddData, 6050, cuLinkAddData_v2) ROW(cuLinkAddFile, 5050, cuLinkAddFile) ROW(cuLinkAddFile, 6050, cuLinkAddFile_v2) \
    ROW(cuLinkComplete, 5050, cuLinkComplete) ROW(cuLinkCreate, 5050, cuLinkCreate) ROW(cuLinkCreate, 6050, cuLinkCreate_v2) \
    ROW(cuLinkDestroy, 5050, cuLinkDestroy) ROW(cuLogsCurrent, 12090, cuLogsCurrent) ROW(cuLogsDumpToFile, 12090, cuLogsDumpToFile) \
    ROW(cuLogsDumpToMemory, 12090, cuLogsDumpToMemory) ROW(cuLogsRegisterCallback, 12090, cuLogsRegisterCallback) \
    ROW(cuLogsUnregisterCallback, 12090, cuLogsUnregisterCallback) ROW(cuMemAddressFree, 10020, cuMemAddressFree) \
    ROW(cuMemAddressReserve, 10020, cuMemAddressReserve) ROW(cuMemAdvise, 8000, cuMemAdvise) ROW(cuMemAdvise, 12020, cuMemAdvise_v2) \
    ROW(cuMemAlloc, 2000, cuMemAlloc) ROW(cuMemAlloc, 3020, cuMemAlloc_v2) ROW(cuMemAllocAsync, 11020, cuMemAllocAsync) \
    TWIN(cuMemAllocAsync, 11020, cuMemAllocAsync_ptsz) ROW(cuMemAllocFromPoolAsync, 11020, cuMemAllocFromPoolAsync) \
    TWIN(cuMemAllocFromPoolAsync, 11020, cuMemAllocFromPoolAsync_ptsz) ROW(cuMemAllocHost, 2000, cuMemAllocHost) \
    ROW(cuMemAllocHost, 3020, cuMemAllocHost_v2) ROW(cuMemAllocManaged, 6000, cuMemAllocManaged) ROW(cuMemAllocPitch, 2000, cuMemAllocPitch) \
    ROW(cuMemAllocPitch, 3020, cuMemAllocPitch_v2) ROW(cuMemBatchDecompressAsync, 12060, cuMemBatchDecompressAsync) \
    TWIN(cuMemBatchDecompressAsync, 12060, cuMemBatchDecompressAsync_ptsz) ROW(cuMemCreate, 10020, cuMemCreate) \
    ROW(cuMemDiscardAndPrefetchBatchAsync, 13000, cuMemDiscardAndPrefetchBatchAsync) \
    TWIN(cuMemDiscardAndPrefetchBatchAsync, 13000, cuMemDiscardAndPrefetchBatchAsync_ptsz) ROW(cuMemDiscardBatchAsync, 13000, cuMemDiscardBatchAsync) \
    TWIN(cuMemDiscardBatchAsync, 13000, cuMemDiscardBatchAsync_ptsz) ROW(cuMemExportToShareableHandle, 10020, cuMemExportToShareableHandle) \
    ROW(cuMemFree, 2000, cuMemFree) ROW(cuMemFree, 3020, cuMemFree_v2) ROW(cuMemFreeAsync, 11020, cuMemFreeAsync) \
    TWIN(cuMemFreeAsync, 11020, cuMemFreeAsync_ptsz) ROW(cuMemFreeHost, 2000, cuMemFreeHost) ROW(cuMemGetAccess, 10020, cuMemGetAccess) \
    ROW(cuMemGetAddressRange, 2000, cuMemGetAddressRange) ROW(cuMemGetAddressRange, 3020, cuMemGetAddressRange_v2) \
    ROW(cuMemGetAllocationGranularity, 10020, cuMemGetAllocationGranularity) \
    ROW(cuMemGetAllocationPropertiesFromHandle, 10020, cuMemGetAllocationPropertiesFromHandle) \
    ROW(cuMemGetDefaultMemPool, 13000, cuMemGetDefaultMemPool) ROW(cuMemGetHandleForAddressRange, 11070, cuMemGetHandleForAddressRange) \
    ROW(cuMemGetInfo, 2000, cuMemGetInfo) ROW(cuMemGetInfo, 3020, cuMemGetInfo_v2) ROW(cuMemGetMemPool, 13000, cuMemGetMemPool) \
    ROW(cuMemHostAlloc, 2020, cuMemHostAlloc) ROW(cuMemHostGetDevicePointer, 2020, cuMemHostGetDevicePointer) \
    ROW(cuMemHostGetDevicePointer, 3020, cuMemHostGetDevicePointer_v2) ROW(cuMemHostGetFlags, 2030, cuMemHostGetFlags) \
    ROW(cuMemHostRegister, 4000, cuMemHostRegister) ROW(cuMemHostRegister, 6050, cuMemHostRegister_v2) \
    ROW(cuMemHostUnregister, 4000, cuMemHostUnregister) ROW(cuMemImportFromShareableHandle, 10020, cuMemImportFromShareableHandle) \
    ROW(cuMemMap, 10020, cuMemMap) ROW(cuMemMapArrayAsync, 11010, cuMemMapArrayAsync) TWIN(cuMemMapArrayAsync, 11010, cuMemMapArrayAsync_ptsz) \
    ROW(cuMemPoolCreate, 11020, cuMemPoolCreate) ROW(cuMemPoolDestroy, 11020, cuMemPoolDestroy) \
    ROW(cuMemPoolExportPointer, 11020, cuMemPoolExportPointer) ROW(cuMemPoolExportToShareableHandle, 11020, cuMemPoolExportToShareableHandle) \
    ROW(cuMemPoolGetAccess, 11020, cuMemPoolGetAccess) ROW(cuMemPoolGetAttribute, 11020, cuMemPoolGetAttribute) \
    ROW(cuMemPoolImportFromShareableHandle, 11020, cuMemPoolImportFromShareableHandle) ROW(cuMemPoolImportPointer, 11020, cuMemPoolImportPointer) \
    ROW(cuMemPoolSetAccess, 11020, cuMemPoolSetAccess) ROW(cuMemPoolSetAttribute, 11020, cuMemPoolSetAttribute) \
    ROW(cuMemPoolTrimTo, 11020, cuMemPoolTrimTo) ROW(cuMemPrefetchAsync, 8000, cuMemPrefetchAsync) \
    TWIN(cuMemPrefetchAsync, 8000, cuMemPrefetchAsync_ptsz) ROW(cuMemPrefetchAsync, 12020, cuMemPrefetchAsync_v2) \
    TWIN(cuMemPrefetchAsync, 12020, cuMemPrefetchAsync_v2_ptsz) ROW(cuMemPrefetchBatchAsync, 13000, cuMemPrefetchBatchAsync) \
    TWIN(cuMemPrefetchBatchAsync, 13000, cuMemPrefetchBatchAsync_ptsz) ROW(cuMemRangeGetAttribute, 8000, cuMemRangeGetAttribute) \
    ROW(cuMemRangeGetAttributes, 8000, cuMemRangeGetAttributes) ROW(cuMemRelease, 10020, cuMemRelease) \
    ROW(cuMemRetainAllocationHandle, 11000, cuMemRetainAllocationHandle) ROW(cuMemSetAccess, 10020, cuMemSetAccess) \
    ROW(cuMemSetMemPool, 13000, cuMemSetMemPool) ROW(cuMemUnmap, 10020, cuMemUnmap) ROW(cuMemcpy, 4000, cuMemcpy) TWIN(cuMemcpy, 7000, cuMemcpy_ptds) \
    ROW(cuMemcpy2D, 2000, cuMemcpy2D) ROW(cuMemcpy2D, 3020, cuMemcpy2D_v2) TWIN(cuMemcpy2D, 7000, cuMemcpy2D_v2_ptds) \
    ROW(cuMemcpy2DAsync, 2000, cuMemcpy2DAsync) ROW(cuMemcpy2DAsync, 3020, cuMemcpy2DAsync_v2) TWIN(cuMemcpy2DAsync, 7000, cuMemcpy2DAsync_v2_ptsz) \
    ROW(cuMemcpy2DUnaligned, 2000, cuMemcpy2DUnaligned) ROW(cuMemcpy2DUnaligned, 3020, cuMemcpy2DUnaligned_v2) \
    TWIN(cuMemcpy2DUnaligned, 7000, cuMemcpy2DUnaligned_v2_ptds) ROW(cuMemcpy3D, 2000, cuMemcpy3D) ROW(cuMemcpy3D, 3020, cuMemcpy3D_v2) \
    TWIN(cuMemcpy3D, 7000, cuMemcpy3D_v2_ptds) ROW(cuMemcpy3DAsync, 2000, cuMemcpy3DAsync) ROW(cuMemcpy3DAsync, 3020, cuMemcpy3DAsync_v2) \
    TWIN(cuMemcpy3DAsync, 7000, cuMemcpy3DAsync_v2_ptsz) ROW(cuMemcpy3DBatchAsync, 12080, cuMemcpy3DBatchAsync) \
    TWIN(cuMemcpy3DBatchAsync, 12080, cuMemcpy3DBatchAsync_ptsz) ROW(cuMemcpy3DBatchAsync, 13000, cuMemcpy3DBatchAsync_v2) \
    TWIN(cuMemcpy3DBatchAsync, 13000, cuMemcpy3DBatchAsync_v2_ptsz) ROW(cuMemcpy3DPeer, 4000, cuMemcpy3DPeer) \
    TWIN(cuMemcpy3DPeer, 7000, cuMemcpy3DPeer_ptds) ROW(cuMemcpy3DPeerAsync, 4000, cuMemcpy3DPeerAsync) \
    TWIN(cuMemcpy3DPeerAsync, 7000, cuMemcpy3DPeerAsync_ptsz) ROW(cuMemcpyAsync, 4000, cuMemcpyAsync) TWIN(cuMemcpyAsync, 7000, cuMemcpyAsync_ptsz) \
    ROW(cuMemcpyAtoA, 2000, cuMemcpyAtoA) ROW(cuMemcpyAtoA, 3020, cuMemcpyAtoA_v2) TWIN(cuMemcpyAtoA, 7000, cuMemcpyAtoA_v2_ptds) \
    ROW(cuMemcpyAtoD, 2000, cuMemcpyAtoD) ROW(cuMemcpyAtoD, 3020, cuMemcpyAtoD_v2) TWIN(cuMemcpyAtoD, 7000, cuMemcpyAtoD_v2_ptds) \
    ROW(cuMemcpyAtoH, 2000, cuMemcpyAtoH) ROW(cuMemcpyAtoH, 3020, cuMemcpyAtoH_v2) TWIN(cuMemcpyAtoH, 7000, cuMemcpyAtoH_v2_ptds) \
    ROW(cuMemcpyAtoHAsync, 2000, cuMemcpyAtoHAsync) ROW(cuMemcpyAtoHAsync, 3020, cuMemcpyAtoHAsync_v2) \
    TWIN(cuMemcpyAtoHAsync, 7000, cuMemcpyAtoHAsync_v2_ptsz) ROW(cuMemcpyBatchAsync, 12080, cuMemcpyBatchAsync) \
    TWIN(cuMemcpyBatchAsync, 12080, cuMemcpyBatchAsync_ptsz) ROW(cuMemcpyBatchAsync, 13000, cuMemcpyBatchAsync_v2) \
    TWIN(cuMemcpyBatchAsync, 13000, cuMemcpyBatchAsync_v2_ptsz) ROW(cuMemcpyDtoA, 2000, cuMemcpyDtoA) ROW(cuMemcpyDtoA, 3020, cuMemcpyDtoA_v2) \
    TWIN(cuMemcpyDtoA, 7000, cuMemcpyDtoA_v2_ptds) ROW(cuMemcpyDtoD, 2000, cuMemcpyDtoD) ROW(cuMemcpyDtoD, 3020, cuMemcpyDtoD_v2) \
    TWIN(cuMemcpyDtoD, 7000, cuMemcpyDtoD_v2_ptds) ROW(cuMemcpyDtoDAsync, 3000, cuMemcpyDtoDAsync) ROW(cuMemcpyDtoDAsync, 3020, cuMemcpyDtoDAsync_v2) \
    TWIN(cuMemcpyDtoDAsync, 7000, cuMemcpyDtoDAsync_v2_ptsz) ROW(cuMemcpyDtoH, 2000, cuMemcpyDtoH) ROW(cuMemcpyDtoH, 3020, cuMemcpyDtoH_v2) \
    TWIN(cuMemcpyDtoH, 7000, cuMemcpyDtoH_v2_ptds) ROW(cuMemcpyDtoHAsync, 2000, cuMemcpyDtoHAsync) ROW(cuMemcpyDtoHAsync, 3020, cuMemcpyDtoHAsync_v2) \
    TWIN(cuMemcpyDtoHAsync, 7000, cuMemcpyDtoHAsync_v2_ptsz) ROW(cuMemcpyHtoA, 2000, cuMemcpyHtoA) ROW(cuMemcpyHtoA, 3020, cuMemcpyHtoA_v2) \
    TWIN(cuMemcpyHtoA, 7000, cuMemcpyHtoA_v2_ptds) ROW(cuMemcpyHtoAAsync, 2000, cuMemcpyHtoAAsync) ROW(cuMemcpyHtoAAsync, 3020, cuMemcpyHtoAAsync_v2) \
    TWIN(cuMemcpyHtoAAsync, 7000, cuMemcpyHtoAAsync_v2_ptsz) ROW(cuMemcpyHtoD, 2000, cuMemcpyHtoD) ROW(cuMemcpyHtoD, 3020, cuMemcpyHtoD_v2) \
    TWIN(cuMemcpyHtoD, 7000, cuMemcpyHtoD_v2_ptds) ROW(cuMemcpyHtoDAsync, 2000, cuMemcpyHtoDAsync) ROW(cuMemcpyHtoDAsync, 3020, cuMemcpyHtoDAsync_v2) \
    TWIN(cuMemcpyHtoDAsync, 7000, cuMemcpyHtoDAsync_v2_ptsz) ROW(cuMemcpyPeer, 4000, cuMemcpyPeer) TWIN(cuMemcpyPeer, 7000, cuMemcpyPeer_ptds) \
    ROW(cuMemcpyPeerAsync, 4000, cuMemcpyPeerAsync) TWIN(cuMemcpyPeerAsync, 7000, cuMemcpyPeerAsync_ptsz) ROW(cuMemsetD16, 2000, cuMemsetD16) \
    ROW(cuMemsetD16, 3020, cuMemsetD16_v2) TWIN(cuMemsetD16, 7000, cuMemsetD16_v2_ptds) ROW(cuMemsetD16Async, 3020, cuMemsetD16Async) \
    TWIN(cuMemsetD16Async, 7000, cuMemsetD16Async_ptsz) ROW(cuMemsetD2D16, 2000, cuMemsetD2D16) ROW(cuMemsetD2D16, 3020, cuMemsetD2D16_v2) \
    TWIN(cuMemsetD2D16, 7000, cuMemsetD2D16_v2_ptds) ROW(cuMemsetD2D16Async, 3020, cuMemsetD2D16Async) \
    TWIN(cuMemsetD2D16Async, 7000, cuMemsetD2D16Async_ptsz) ROW(cuMemsetD2D32, 2000, cuMemsetD2D32) ROW(cuMemsetD2D32, 3020, cuMemsetD2D32_v2) \
    TWIN(cuMemsetD2D32, 7000, cuMemsetD2D32_v2_ptds) ROW(cuMemsetD2D32Async, 3020, cuMemsetD2D32Async) \
    TWIN(cuMemsetD2D32Async, 7000, cuMemsetD2D32Async_ptsz) ROW(cuMemsetD2D8, 2000, cuMemsetD2D8) ROW(cuMemsetD2D8, 3020, cuMemsetD2D8_v2) \
    TWIN(cuMemsetD2D8, 7000, cuMemsetD2D8_v2_ptds) ROW(cuMemsetD2D8Async, 3020, cuMemsetD2D8Async) \
    TWIN(cuMemsetD2D8Async, 7000, cuMemsetD2D8Async_ptsz) ROW(cuMemsetD32, 2000, cuMemsetD32) ROW(cuMemsetD32, 3020, cuMemsetD32_v2) \
    TWIN(cuMemsetD32, 7000, cuMemsetD32_v2_ptds) ROW(cuMemsetD32Async, 3020, cuMemsetD32Async) TWIN(cuMemsetD32Async, 7000, cuMemsetD32Async_ptsz) \
    ROW(cuMemsetD8, 2000, cuMemsetD8) ROW(cuMemsetD8, 3020, cuMemsetD8_v2) TWIN(cuMemsetD8, 7000, cuMemsetD8_v2_ptds) \
    ROW(cuMemsetD8Async, 3020, cuMemsetD8Async) TWIN(cuMemsetD8Async, 7000, cuMemsetD8Async_ptsz) \
    ROW(cuMipmappedArrayCreate, 5000, cuMipmappedArrayCreate) ROW(cuMipmappedArrayDestroy, 5000, cuMipmappedArrayDestroy) \
    ROW(cuMipmappedArrayGetLevel, 5000, cuMipmappedArrayGetLevel) \
    ROW(cuMipmappedArrayGetMemoryRequirements, 11060, cuMipmappedArrayGetMemoryRequirements) \
    ROW(cuMipmappedArrayGetSparseProperties, 11010, cuMipmappedArrayGetSparseProperties) \
    ROW(cuModuleEnumerateFunctions, 12040, cuModuleEnumerateFunctions) ROW(cuModuleGetFunction, 2000, cuModuleGetFunction) \
    ROW(cuModuleGetFunctionCount, 12040, cuModuleGetFunctionCount) ROW(cuModuleGetGlobal, 2000, cuModuleGetGlobal) \
    ROW(cuModuleGetGlobal, 3020, cuModuleGetGlobal_v2) ROW(cuModuleGetLoadingMode, 11070, cuModuleGetLoadingMode) \
    ROW(cuModuleGetSurfRef, 3000, cuModuleGetSurfRef) ROW(cuModuleGetTexRef, 2000, cuModuleGetTexRef) ROW(cuModuleLoad, 2000, cuModuleLoad) \
    ROW(cuModuleLoadData, 2000, cuModuleLoadData) ROW(cuModuleLoadDataEx, 2010, cuModuleLoadDataEx) \
    ROW(cuModuleLoadFatBinary, 2000, cuModuleLoadFatBinary) ROW(cuModuleUnload, 2000, cuModuleUnload) \
    ROW(cuMulticastAddDevice, 12010, cuMulticastAddDevice) ROW(cuMulticastBindAddr, 12010, cuMulticastBindAddr) \
    ROW(cuMulticastBindMem, 12010, cuMulticastBindMem) ROW(cuMulticastCreate, 12010, cuMulticastCreate) \
    ROW(cuMulticastGetGranularity, 12010, cuMulticastGetGranularity) ROW(cuMulticastUnbind, 12010, cuMulticastUnbind) \
    ROW(cuOccupancyAvailableDynamicSMemPerBlock, 10020, cuOccupancyAvailableDynamicSMemPerBlock) \
    ROW(cuOccupancyMaxActiveBlocksPerMultiprocessor, 6050, cuOccupancyMaxActiveBlocksPerMultiprocessor) \
    ROW(cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags, 7000, cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags) \
    ROW(cuOccupancyMaxActiveClusters, 11070, cuOccupancyMaxActiveClusters) \
    ROW(cuOccupancyMaxPotentialBlockSize, 6050, cuOccupancyMaxPotentialBlockSize) \
    ROW(cuOccupancyMaxPotentialBlockSizeWithFlags, 7000, cuOccupancyMaxPotentialBlockSizeWithFlags) \
    ROW(cuOccupancyMaxPotentialClusterSize, 11070, cuOccupancyMaxPotentialClusterSize) ROW(cuParamSetSize, 2000, cuParamSetSize) \
    ROW(cuParamSetTexRef, 2000, cuParamSetTexRef) ROW(cuParamSetf, 2000, cuParamSetf) ROW(cuParamSeti, 2000, cuParamSeti) \
    ROW(cuParamSetv, 2000, cuParamSetv) ROW(cuPointerGetAttribute, 4000, cuPointerGetAttribute) \
    ROW(cuPointerGetAttributes, 7000, cuPointerGetAttributes) ROW(cuPointerSetAttribute, 6000, cuPointerSetAttribute) \
    ROW(cuProfilerInitialize, 4000, cuProfilerInitialize) ROW(cuProfilerStart, 4000, cuProfilerStart) ROW(cuProfilerStop, 4000, cuProfilerStop) \
    ROW(cuSignalExternalSemaphoresAsync, 10000, cuSignalExternalSemaphoresAsync) \
    TWIN(cuSignalExternalSemaphoresAsync, 10000, cuSignalExternalSemaphoresAsync_ptsz) ROW(cuStreamAddCallback, 5000, cuStreamAddCallback) \
    TWIN(cuStreamAddCallback, 7000, cuStreamAddCallback_ptsz) ROW(cuStreamAttachMemAsync, 6000, cuStreamAttachMemAsync) \
    TWIN(cuStreamAttachMemAsync, 7000, cuStreamAttachMemAsync_ptsz) ROW(cuStreamBatchMemOp, 8000, cuStreamBatchMemOp) \
    TWIN(cuStreamBatchMemOp, 8000, cuStreamBatchMemOp_ptsz) ROW(cuStreamBatchMemOp, 11070, cuStreamBatchMemOp_v2) \
    TWIN(cuStreamBatchMemOp, 11070, cuStreamBatchMemOp_v2_ptsz) ROW(cuStreamBeginCapture, 10000, cuStreamBeginCapture) \
    TWIN(cuStreamBeginCapture, 10000, cuStreamBeginCapture_ptsz) ROW(cuStreamBeginCapture, 10010, cuStreamBeginCapture_v2) \
    TWIN(cuStreamBeginCapture, 10010, cuStreamBeginCapture_v2_ptsz) ROW(cuStreamBeginCaptureToGraph, 12030, cuStreamBeginCaptureToGraph) \
    TWIN(cuStreamBeginCaptureToGraph, 12030, cuStreamBeginCaptureToGraph_ptsz) ROW(cuStreamCopyAttributes, 11000, cuStreamCopyAttributes) \
    TWIN(cuStreamCopyAttributes, 11000, cuStreamCopyAttributes_ptsz) ROW(cuStreamCreate, 2000, cuStreamCreate) \
    ROW(cuStreamCreateWithPriority, 5050, cuStreamCreateWithPriority) ROW(cuStreamDestroy, 2000, cuStreamDestroy) \
    ROW(cuStreamDestroy, 4000, cuStreamDestroy_v2) ROW(cuStreamEndCapture, 10000, cuStreamEndCapture) \
    TWIN(cuStreamEndCapture, 10000, cuStreamEndCapture_ptsz) ROW(cuStreamGetAttribute, 11000, cuStreamGetAttribute) \
    TWIN(cuStreamGetAttribute, 11000, cuStreamGetAttribute_ptsz) ROW(cuStreamGetCaptureInfo, 10010, cuStreamGetCaptureInfo) \
    TWIN(cuStreamGetCaptureInfo, 10010, cuStreamGetCaptureInfo_ptsz) ROW(cuStreamGetCaptureInfo, 11030, cuStreamGetCaptureInfo_v2) \
    TWIN(cuStreamGetCaptureInfo, 11030, cuStreamGetCaptureInfo_v2_ptsz) ROW(cuStreamGetCaptureInfo, 12030, cuStreamGetCaptureInfo_v3) \
    TWIN(cuStreamGetCaptureInfo, 12030, cuStreamGetCaptureInfo_v3_ptsz) ROW(cuStreamGetCtx, 9020, cuStreamGetCtx) \
    TWIN(cuStreamGetCtx, 9020, cuStreamGetCtx_ptsz) ROW(cuStreamGetCtx, 12050, cuStreamGetCtx_v2) TWIN(cuStreamGetCtx, 12050, cuStreamGetCtx_v2_ptsz) \
    ROW(cuStreamGetDevice, 12080, cuStreamGetDevice) TWIN(cuStreamGetDevice, 12080, cuStreamGetDevice_ptsz) \
    ROW(cuStreamGetFlags, 5050, cuStreamGetFlags) TWIN(cuStreamGetFlags, 7000, cuStreamGetFlags_ptsz) \
    ROW(cuStreamGetGreenCtx, 12040, cuStreamGetGreenCtx) ROW(cuStreamGetId, 12000, cuStreamGetId) TWIN(cuStreamGetId, 12000, cuStreamGetId_ptsz) \
    ROW(cuStreamGetPriority, 5050, cuStreamGetPriority) TWIN(cuStreamGetPriority, 7000, cuStreamGetPriority_ptsz) \
    ROW(cuStreamIsCapturing, 10000, cuStreamIsCapturing) TWIN(cuStreamIsCapturing, 10000, cuStreamIsCapturing_ptsz) \
    ROW(cuStreamQuery, 2000, cuStreamQuery) TWIN(cuStreamQuery, 7000, cuStreamQuery_ptsz) ROW(cuStreamSetAttribute, 11000, cuStreamSetAttribute) \
    TWIN(cuStreamSetAttribute, 11000, cuStreamSetAttribute_ptsz) ROW(cuStreamSynchronize, 2000, cuStreamSynchronize) \
    TWIN(cuStreamSynchronize, 7000, cuStreamSynchronize_ptsz) ROW(cuStreamUpdateCaptureDependencies, 11030, cuStreamUpdateCaptureDependencies) \
    TWIN(cuStreamUpdateCaptureDependencies, 11030, cuStreamUpdateCaptureDependencies_ptsz) \
    ROW(cuStreamUpdateCaptureDependencies, 12030, cuStreamUpdateCaptureDependencies_v2) \
    TWIN(cuStreamUpdateCaptureDependencies, 12030, cuStreamUpdateCaptureDependencies_v2_ptsz) ROW(cuStreamWaitEvent, 3020, cuStreamWaitEvent) \
    TWIN(cuStreamWaitEvent, 7000, cuStreamWaitEvent_ptsz) ROW(cuStreamWaitValue32, 8000, cuStreamWaitValue32) \
    TWIN(cuStreamWaitValue32, 8000, cuStreamWaitValue32_ptsz) ROW(cuStreamWaitValue32, 11070, cuStreamWaitValue32_v2) \
    TWIN(cuStreamWaitValue32, 11070, cuStreamWaitValue32_v2_ptsz) ROW(cuStreamWaitValue64, 9000, cuStreamWaitValue64) \
    TWIN(cuStreamWaitValue64, 9000, cuStreamWaitValue64_ptsz) ROW(cuStreamWaitValue64, 11070, cuStreamWaitValue64_v2) \
    TWIN(cuStreamWaitValue64, 11070, cuStreamWaitValue64_v2_ptsz) ROW(cuStreamWriteValue32, 8000, cuStreamWriteValue32) \
    TWIN(cuStreamWriteValue32, 8000, cuStreamWriteValue32_ptsz) ROW(cuStreamWriteValue32, 11070, cuStreamWriteValue32_v2) \
    TWIN(cuStreamWriteValue32, 11070, cuStreamWriteValue32_v2_ptsz) ROW(cuStreamWriteValue64, 9000, cuStreamWriteValue64) \
    TWIN(cuStreamWriteValue64, 9000, cuStreamWriteValue64_ptsz) ROW(cuStreamWriteValue64, 11070, cuStreamWriteValue64_v2) \
    TWIN(cuStreamWriteValue64, 11070, cuStreamWriteValue64_v2_ptsz) ROW(cuSurfObjectCreate, 5000, cuSurfObjectCreate) \
    ROW(cuSurfObjectDestroy, 5000, cuSurfObjectDestroy) ROW(cuSurfObjectGetResourceDesc, 5000, cuSurfObjectGetResourceDesc) \
    ROW(cuSurfRefGetArray, 3000, cuSurfRefGetArray) ROW(cuSurfRefSetArray, 3000, cuSurfRefSetArray) \
    ROW(cuTensorMapEncodeIm2col, 12000, cuTensorMapEncodeIm2col) ROW(cuTensorMapEncodeIm2colWide, 12080, cuTensorMapEncodeIm2colWide) \
    ROW(cuTensorMapEncodeTiled, 12000, cuTensorMapEncodeTiled) ROW(cuTensorMapReplaceAddress, 12000, cuTensorMapReplaceAddress) \
    ROW(cuTexObjectCreate, 5000, cuTexObjectCreate) ROW(cuTexObjectDestroy, 5000, cuTexObjectDestroy) \
    ROW(cuTexObjectGetResourceDesc, 5000, cuTexObjectGetResourceDesc) ROW(cuTexObjectGetResourceViewDesc, 5000, cuTexObjectGetResourceViewDesc) \
    ROW(cuTexObjectGetTextureDesc, 5000, cuTexObjectGetTextureDesc) ROW(cuTexRefCreate, 2000, cuTexRefCreate) \
    ROW(cuTexRefDestroy, 2000, cuTexRefDestroy) ROW(cuTexRefGetAddress, 2000, cuTexRefGetAddress) ROW(cuTexRefGetAddress, 3020, cuTexRefGetAddress_v2) \
    ROW(cuTexRefGetAddressMode, 2000, cuTexRefGetAddressMode) ROW(cuTexRefGetArray, 2000, cuTexRefGetArray) \
    ROW(cuTexRefGetBorderColor, 8000, cuTexRefGetBorderColor) ROW(cuTexRefGetFilterMode, 2000, cuTexRefGetFilterMode) \
    ROW(cuTexRefGetFlags, 2000, cuTexRefGetFlags) ROW(cuTexRefGetFormat, 2000, cuTexRefGetFormat) \
    ROW(cuTexRefGetMaxAnisotropy, 5000, cuTexRefGetMaxAnisotropy) ROW(cuTexRefGetMipmapFilterMode, 5000, cuTexRefGetMipmapFilterMode) \
    ROW(cuTexRefGetMipmapLevelBias, 5000, cuTexRefGetMipmapLevelBias) ROW(cuTexRefGetMipmapLevelClamp, 5000, cuTexRefGetMipmapLevelClamp) \
    ROW(cuTexRefGetMipmappedArray, 5000, cuTexRefGetMipmappedArray) ROW(cuTexRefSetAddress, 2000, cuTexRefSetAddress) \
    ROW(cuTexRefSetAddress, 3020, cuTexRefSetAddress_v2) ROW(cuTexRefSetAddress2D, 2020, cuTexRefSetAddress2D) \
    ROW(cuTexRefSetAddress2D, 3020, cuTexRefSetAddress2D_v2) ROW(cuTexRefSetAddress2D, 4010, cuTexRefSetAddress2D_v3) \
    ROW(cuTexRefSetAddressMode, 2000, cuTexRefSetAddressMode) ROW(cuTexRefSetArray, 2000, cuTexRefSetArray) \
    ROW(cuTexRefSetBorderColor, 8000, cuTexRefSetBorderColor) ROW(cuTexRefSetFilterMode, 2000, cuTexRefSetFilterMode) \
    ROW(cuTexRefSetFlags, 2000, cuTexRefSetFlags) ROW(cuTexRefSetFormat, 2000, cuTexRefSetFormat) \
    ROW(cuTexRefSetMaxAnisotropy, 5000, cuTexRefSetMaxAnisotropy) ROW(cuTexRefSetMipmapFilterMode, 5000, cuTexRefSetMipmapFilterMode) \
    ROW(cuTexRefSetMipmapLevelBias, 5000, cuTexRefSetMipmapLevelBias) ROW(cuTexRefSetMipmapLevelClamp, 5000, cuTexRefSetMipmapLevelClamp) \
    ROW(cuTexRefSetMipmappedArray, 5000, cuTexRefSetMipmappedArray) ROW(cuThreadExchangeStreamCaptureMode, 10010, cuThreadExchangeStreamCaptureMode) \
    ROW(cuUserObjectCreate, 11030, cuUserObjectCreate) ROW(cuUserObjectRelease, 11030, cuUserObjectRelease) \
    ROW(cuUserObjectRetain, 11030, cuUserObjectRetain) ROW(cuVDPAUCtxCreate, 3010, cuVDPAUCtxCreate) ROW(cuVDPAUCtxCreate, 3020, cuVDPAUCtxCreate_v2) \
    ROW(cuVDPAUGetDevice, 3010, cuVDPAUGetDevice) ROW(cuWaitExternalSemaphoresAsync, 10000, cuWaitExternalSemaphoresAsync) \
    TWIN(cuWaitExternalSemaphoresAsync, 10000, cuWaitExternalSemaphoresAsync_ptsz)

#define CUDA_NONE(NONE) \
    NONE(cuArray3DCreate) NONE(cuArray3DGetDescriptor) NONE(cuArrayCreate) NONE(cuArrayGetDescriptor) NONE(cuArrayGetPlane) \
    NONE(cuArrayGetSparseProperties) NONE(cuCoredumpGetAttribute) NONE(cuCoredumpGetAttributeGlobal) NONE(cuCoredumpSetAttribute) \
    NONE(cuCoredumpSetAttributeGlobal) NONE(cuCtxAttach) NONE(cuCtxCreate) NONE(cuCtxDetach) NONE(cuCtxFromGreenCtx) NONE(cuCtxGetCacheConfig) \
    NONE(cuCtxGetDevResource) NONE(cuCtxGetExecAffinity) NONE(cuCtxGetSharedMemConfig) NONE(cuCtxRecordEvent) NONE(cuCtxResetPersistingL2Cache) \
    NONE(cuCtxSetCacheConfig) NONE(cuCtxSetSharedMemConfig) NONE(cuCtxWaitEvent) NONE(cuDestroyExternalMemory) NONE(cuDestroyExternalSemaphore) \
    NONE(cuDevResourceGenerateDesc) NONE(cuDevSmResourceSplitByCount) NONE(cuDeviceGetDevResource) NONE(cuDeviceGetExecAffinitySupport) \
    NONE(cuDeviceGetHostAtomicCapabilities) NONE(cuDeviceGetLuid) NONE(cuDeviceGetNvSciSyncAttributes) NONE(cuDeviceGetP2PAtomicCapabilities) \
    NONE(cuDeviceGetProperties) NONE(cuDeviceGetTexture1DLinearMaxWidth) NONE(cuDeviceRegisterAsyncNotification) \
    NONE(cuDeviceUnregisterAsyncNotification) NONE(cuEGLStreamConsumerAcquireFrame) NONE(cuEGLStreamConsumerConnect) \
    NONE(cuEGLStreamConsumerConnectWithFlags) NONE(cuEGLStreamConsumerDisconnect) NONE(cuEGLStreamConsumerReleaseFrame) \
    NONE(cuEGLStreamProducerConnect) NONE(cuEGLStreamProducerDisconnect) NONE(cuEGLStreamProducerPresentFrame) NONE(cuEGLStreamProducerReturnFrame) \
    NONE(cuEventCreateFromEGLSync) NONE(cuExternalMemoryGetMappedBuffer) NONE(cuExternalMemoryGetMappedMipmappedArray) \
    NONE(cuFlushGPUDirectRDMAWrites) NONE(cuFuncGetName) NONE(cuFuncGetParamInfo) NONE(cuFuncIsLoaded) NONE(cuFuncLoad) NONE(cuFuncSetBlockShape) \
    NONE(cuFuncSetCacheConfig) NONE(cuFuncSetSharedMemConfig) NONE(cuFuncSetSharedSize) NONE(cuGLCtxCreate) NONE(cuGLCtxCreate_v2) \
    NONE(cuGLGetDevices) NONE(cuGLGetDevices_v2) NONE(cuGLInit) NONE(cuGLMapBufferObject) NONE(cuGLMapBufferObjectAsync) \
    NONE(cuGLMapBufferObjectAsync_v2) NONE(cuGLMapBufferObjectAsync_v2_ptsz) NONE(cuGLMapBufferObject_v2) NONE(cuGLMapBufferObject_v2_ptds) \
    NONE(cuGLRegisterBufferObject) NONE(cuGLSetBufferObjectMapFlags) NONE(cuGLUnmapBufferObject) NONE(cuGLUnmapBufferObjectAsync) \
    NONE(cuGLUnregisterBufferObject) NONE(cuGraphAddBatchMemOpNode) NONE(cuGraphAddChildGraphNode) NONE(cuGraphAddDependencies) \
    NONE(cuGraphAddDependencies_v2) NONE(cuGraphAddEventRecordNode) NONE(cuGraphAddEventWaitNode) NONE(cuGraphAddExternalSemaphoresSignalNode) \
    NONE(cuGraphAddExternalSemaphoresWaitNode) NONE(cuGraphAddKernelNode) NONE(cuGraphAddNode) NONE(cuGraphAddNode_v2) \
    NONE(cuGraphBatchMemOpNodeGetParams) NONE(cuGraphBatchMemOpNodeSetParams) NONE(cuGraphChildGraphNodeGetGraph) NONE(cuGraphClone) \
    NONE(cuGraphConditionalHandleCreate) NONE(cuGraphDebugDotPrint) NONE(cuGraphDestroyNode) NONE(cuGraphEventRecordNodeGetEvent) \
    NONE(cuGraphEventRecordNodeSetEvent) NONE(cuGraphEventWaitNodeGetEvent) NONE(cuGraphEventWaitNodeSetEvent) \
    NONE(cuGraphExecBatchMemOpNodeSetParams) NONE(cuGraphExecChildGraphNodeSetParams) NONE(cuGraphExecEventRecordNodeSetEvent) \
    NONE(cuGraphExecEventWaitNodeSetEvent) NONE(cuGraphExecExternalSemaphoresSignalNodeSetParams) NONE(cuGraphExecExternalSemaphoresWaitNodeSetParams) \
    NONE(cuGraphExecGetFlags) NONE(cuGraphExecHostNodeSetParams) NONE(cuGraphExecKernelNodeSetParams) NONE(cuGraphExecKernelNodeSetParams_v2) \
    NONE(cuGraphExecMemcpyNodeSetParams) NONE(cuGraphExecMemsetNodeSetParams) NONE(cuGraphExecNodeSetParams) NONE(cuGraphExecUpdate) \
    NONE(cuGraphExecUpdate_v2) NONE(cuGraphExternalSemaphoresSignalNodeGetParams) NONE(cuGraphExternalSemaphoresSignalNodeSetParams) \
    NONE(cuGraphExternalSemaphoresWaitNodeGetParams) NONE(cuGraphExternalSemaphoresWaitNodeSetParams) NONE(cuGraphGetEdges) NONE(cuGraphGetEdges_v2) \
    NONE(cuGraphGetRootNodes) NONE(cuGraphHostNodeGetParams) NONE(cuGraphHostNodeSetParams) NONE(cuGraphInstantiate) \
    NONE(cuGraphKernelNodeCopyAttributes) NONE(cuGraphKernelNodeGetAttribute) NONE(cuGraphKernelNodeGetParams) NONE(cuGraphKernelNodeGetParams_v2) \
    NONE(cuGraphKernelNodeSetAttribute) NONE(cuGraphKernelNodeSetParams) NONE(cuGraphKernelNodeSetParams_v2) NONE(cuGraphMemAllocNodeGetParams) \
    NONE(cuGraphMemFreeNodeGetParams) NONE(cuGraphMemcpyNodeGetParams) NONE(cuGraphMemcpyNodeSetParams) NONE(cuGraphMemsetNodeGetParams) \
    NONE(cuGraphMemsetNodeSetParams) NONE(cuGraphNodeFindInClone) NONE(cuGraphNodeGetDependencies) NONE(cuGraphNodeGetDependencies_v2) \
    NONE(cuGraphNodeGetDependentNodes) NONE(cuGraphNodeGetDependentNodes_v2) NONE(cuGraphNodeGetEnabled) NONE(cuGraphNodeSetEnabled) \
    NONE(cuGraphNodeSetParams) NONE(cuGraphReleaseUserObject) NONE(cuGraphRemoveDependencies) NONE(cuGraphRemoveDependencies_v2) \
    NONE(cuGraphRetainUserObject) NONE(cuGraphicsEGLRegisterImage) NONE(cuGraphicsGLRegisterBuffer) NONE(cuGraphicsGLRegisterImage) \
    NONE(cuGraphicsMapResources) NONE(cuGraphicsMapResources_ptsz) NONE(cuGraphicsResourceGetMappedEglFrame) \
    NONE(cuGraphicsResourceGetMappedMipmappedArray) NONE(cuGraphicsResourceGetMappedPointer) NONE(cuGraphicsResourceGetMappedPointer_v2) \
    NONE(cuGraphicsResourceSetMapFlags) NONE(cuGraphicsResourceSetMapFlags_v2) NONE(cuGraphicsSubResourceGetMappedArray) \
    NONE(cuGraphicsUnmapResources) NONE(cuGraphicsUnmapResources_ptsz) NONE(cuGraphicsUnregisterResource) NONE(cuGraphicsVDPAURegisterOutputSurface) \
    NONE(cuGraphicsVDPAURegisterVideoSurface) NONE(cuGreenCtxCreate) NONE(cuGreenCtxDestroy) NONE(cuGreenCtxGetDevResource) NONE(cuGreenCtxGetId) \
    NONE(cuGreenCtxRecordEvent) NONE(cuGreenCtxStreamCreate) NONE(cuGreenCtxWaitEvent) NONE(cuImportExternalMemory) NONE(cuImportExternalSemaphore) \
    NONE(cuIpcGetEventHandle) NONE(cuIpcOpenEventHandle) NONE(cuKernelGetAttribute) NONE(cuKernelGetLibrary) NONE(cuKernelGetName) \
    NONE(cuKernelGetParamInfo) NONE(cuKernelSetAttribute) NONE(cuKernelSetCacheConfig) NONE(cuLaunch) NONE(cuLaunchCooperativeKernelMultiDevice) \
    NONE(cuLaunchGrid) NONE(cuLaunchGridAsync) NONE(cuLibraryEnumerateKernels) NONE(cuLibraryGetGlobal) NONE(cuLibraryGetKernelCount) \
    NONE(cuLibraryGetManaged) NONE(cuLibraryGetUnifiedFunction) NONE(cuLibraryLoadFromFile) NONE(cuLinkAddData) NONE(cuLinkAddData_v2) \
    NONE(cuLinkAddFile) NONE(cuLinkAddFile_v2) NONE(cuLinkComplete) NONE(cuLinkCreate) NONE(cuLinkCreate_v2) NONE(cuLinkDestroy) NONE(cuLogsCurrent) \
    NONE(cuLogsDumpToFile) NONE(cuLogsDumpToMemory) NONE(cuLogsRegisterCallback) NONE(cuLogsUnregisterCallback) NONE(cuMemBatchDecompressAsync) \
    NONE(cuMemBatchDecompressAsync_ptsz) NONE(cuMemDiscardAndPrefetchBatchAsync) NONE(cuMemDiscardAndPrefetchBatchAsync_ptsz) \
    NONE(cuMemDiscardBatchAsync) NONE(cuMemDiscardBatchAsync_ptsz) NONE(cuMemGetAddressRange) NONE(cuMemGetHandleForAddressRange) \
    NONE(cuMemHostGetDevicePointer) NONE(cuMemMapArrayAsync) NONE(cuMemMapArrayAsync_ptsz) NONE(cuMemPoolExportPointer) \
    NONE(cuMemPoolExportToShareableHandle) NONE(cuMemPoolGetAccess) NONE(cuMemPoolImportFromShareableHandle) NONE(cuMemPoolImportPointer) \
    NONE(cuMemPrefetchBatchAsync) NONE(cuMemPrefetchBatchAsync_ptsz) NONE(cuMemRangeGetAttribute) NONE(cuMemRangeGetAttributes) NONE(cuMemcpy2D) \
    NONE(cuMemcpy2DAsync) NONE(cuMemcpy2DUnaligned) NONE(cuMemcpy3D) NONE(cuMemcpy3DAsync) NONE(cuMemcpy3DAsync_v2) NONE(cuMemcpy3DAsync_v2_ptsz) \
    NONE(cuMemcpy3DBatchAsync) NONE(cuMemcpy3DBatchAsync_ptsz) NONE(cuMemcpy3DBatchAsync_v2) NONE(cuMemcpy3DBatchAsync_v2_ptsz) NONE(cuMemcpy3DPeer) \
    NONE(cuMemcpy3DPeerAsync) NONE(cuMemcpy3DPeerAsync_ptsz) NONE(cuMemcpy3DPeer_ptds) NONE(cuMemcpy3D_v2) NONE(cuMemcpy3D_v2_ptds) NONE(cuMemcpyAtoA) \
    NONE(cuMemcpyAtoA_v2) NONE(cuMemcpyAtoA_v2_ptds) NONE(cuMemcpyAtoD) NONE(cuMemcpyAtoD_v2) NONE(cuMemcpyAtoD_v2_ptds) NONE(cuMemcpyAtoH) \
    NONE(cuMemcpyAtoHAsync) NONE(cuMemcpyAtoHAsync_v2) NONE(cuMemcpyAtoHAsync_v2_ptsz) NONE(cuMemcpyAtoH_v2) NONE(cuMemcpyAtoH_v2_ptds) \
    NONE(cuMemcpyBatchAsync) NONE(cuMemcpyBatchAsync_ptsz) NONE(cuMemcpyBatchAsync_v2) NONE(cuMemcpyBatchAsync_v2_ptsz) NONE(cuMemcpyDtoA) \
    NONE(cuMemcpyDtoA_v2) NONE(cuMemcpyDtoA_v2_ptds) NONE(cuMemcpyDtoD) NONE(cuMemcpyDtoDAsync) NONE(cuMemcpyDtoH) NONE(cuMemcpyDtoHAsync) \
    NONE(cuMemcpyHtoA) NONE(cuMemcpyHtoAAsync) NONE(cuMemcpyHtoAAsync_v2) NONE(cuMemcpyHtoAAsync_v2_ptsz) NONE(cuMemcpyHtoA_v2) \
    NONE(cuMemcpyHtoA_v2_ptds) NONE(cuMemcpyHtoD) NONE(cuMemcpyHtoDAsync) NONE(cuMemsetD16) NONE(cuMemsetD2D16) NONE(cuMemsetD2D32) NONE(cuMemsetD2D8) \
    NONE(cuMemsetD32) NONE(cuMemsetD8) NONE(cuMipmappedArrayGetMemoryRequirements) NONE(cuMipmappedArrayGetSparseProperties) \
    NONE(cuModuleEnumerateFunctions) NONE(cuModuleGetFunctionCount) NONE(cuModuleGetGlobal) NONE(cuModuleGetSurfRef) NONE(cuModuleGetTexRef) \
    NONE(cuMulticastAddDevice) NONE(cuMulticastBindAddr) NONE(cuMulticastBindMem) NONE(cuMulticastCreate) NONE(cuMulticastGetGranularity) \
    NONE(cuMulticastUnbind) NONE(cuOccupancyAvailableDynamicSMemPerBlock) NONE(cuOccupancyMaxActiveClusters) NONE(cuOccupancyMaxPotentialBlockSize) \
    NONE(cuOccupancyMaxPotentialBlockSizeWithFlags) NONE(cuOccupancyMaxPotentialClusterSize) NONE(cuParamSetSize) NONE(cuParamSetTexRef) \
    NONE(cuParamSetf) NONE(cuParamSeti) NONE(cuParamSetv) NONE(cuPointerSetAttribute) NONE(cuProfilerInitialize) NONE(cuSignalExternalSemaphoresAsync) \
    NONE(cuSignalExternalSemaphoresAsync_ptsz) NONE(cuStreamAttachMemAsync) NONE(cuStreamAttachMemAsync_ptsz) NONE(cuStreamBatchMemOp) \
    NONE(cuStreamBatchMemOp_ptsz) NONE(cuStreamBatchMemOp_v2) NONE(cuStreamBatchMemOp_v2_ptsz) NONE(cuStreamBeginCapture) \
    NONE(cuStreamBeginCaptureToGraph) NONE(cuStreamBeginCaptureToGraph_ptsz) NONE(cuStreamBeginCapture_ptsz) NONE(cuStreamCopyAttributes) \
    NONE(cuStreamCopyAttributes_ptsz) NONE(cuStreamGetAttribute) NONE(cuStreamGetAttribute_ptsz) NONE(cuStreamGetCaptureInfo) \
    NONE(cuStreamGetCaptureInfo_ptsz) NONE(cuStreamGetCaptureInfo_v2) NONE(cuStreamGetCaptureInfo_v2_ptsz) NONE(cuStreamGetCaptureInfo_v3) \
    NONE(cuStreamGetCaptureInfo_v3_ptsz) NONE(cuStreamGetDevice) NONE(cuStreamGetDevice_ptsz) NONE(cuStreamGetGreenCtx) NONE(cuStreamSetAttribute) \
    NONE(cuStreamSetAttribute_ptsz) NONE(cuStreamUpdateCaptureDependencies) NONE(cuStreamUpdateCaptureDependencies_ptsz) \
    NONE(cuStreamUpdateCaptureDependencies_v2) NONE(cuStreamUpdateCaptureDependencies_v2_ptsz) NONE(cuStreamWaitValue32) \
    NONE(cuStreamWaitValue32_ptsz) NONE(cuStreamWaitValue32_v2) NONE(cuStreamWaitValue32_v2_ptsz) NONE(cuStreamWaitValue64) \
    NONE(cuStreamWaitValue64_ptsz) NONE(cuStreamWaitValue64_v2) NONE(cuStreamWaitValue64_v2_ptsz) NONE(cuStreamWriteValue32) \
    NONE(cuStreamWriteValue32_ptsz) NONE(cuStreamWriteValue32_v2) NONE(cuStreamWriteValue32_v2_ptsz) NONE(cuStreamWriteValue64) \
    NONE(cuStreamWriteValue64_ptsz) NONE(cuStreamWriteValue64_v2) NONE(cuStreamWriteValue64_v2_ptsz) NONE(cuSurfObjectCreate) \
    NONE(cuSurfObjectDestroy) NONE(cuSurfObjectGetResourceDesc) NONE(cuSurfRefGetArray) NONE(cuSurfRefSetArray) NONE(cuTensorMapEncodeIm2col) \
    NONE(cuTensorMapEncodeIm2colWide) NONE(cuTensorMapEncodeTiled) NONE(cuTensorMapReplaceAddress) NONE(cuTexObjectCreate) NONE(cuTexObjectDestroy) \
    NONE(cuTexObjectGetResourceDesc) NONE(cuTexObjectGetResourceViewDesc) NONE(cuTexObjectGetTextureDesc) NONE(cuTexRefCreate) NONE(cuTexRefDestroy) \
    NONE(cuTexRefGetAddress) NONE(cuTexRefGetAddressMode) NONE(cuTexRefGetAddress_v2) NONE(cuTexRefGetArray) NONE(cuTexRefGetBorderColor) \
    NONE(cuTexRefGetFilterMode) NONE(cuTexRefGetFlags) NONE(cuTexRefGetFormat) NONE(cuTexRefGetMaxAnisotropy) NONE(cuTexRefGetMipmapFilterMode) \
    NONE(cuTexRefGetMipmapLevelBias) NONE(cuTexRefGetMipmapLevelClamp) NONE(cuTexRefGetMipmappedArray) NONE(cuTexRefSetAddress) \
    NONE(cuTexRefSetAddress2D) NONE(cuTexRefSetAddress2D_v2) NONE(cuTexRefSetAddress2D_v3) NONE(cuTexRefSetAddressMode) NONE(cuTexRefSetAddress_v2) \
    NONE(cuTexRefSetArray) NONE(cuTexRefSetBorderColor) NONE(cuTexRefSetFilterMode) NONE(cuTexRefSetFlags) NONE(cuTexRefSetFormat) \
    NONE(cuTexRefSetMaxAnisotropy) NONE(cuTexRefSetMipmapFilterMode) NONE(cuTexRefSetMipmapLevelBias) NONE(cuTexRefSetMipmapLevelClamp) \
    NONE(cuTexRefSetMipmappedArray) NONE(cuUserObjectCreate) NONE(cuUserObjectRelease) NONE(cuUserObjectRetain) NONE(cuVDPAUCtxCreate) \
    NONE(cuVDPAUCtxCreate_v2) NONE(cuVDPAUGetDevice) NONE(cuWaitExternalSemaphoresAsync) NONE(cuWaitExternalSemaphoresAsync_ptsz)
/* clang-format on */
#endif
