"""gpu_buffer - one block of GPU memory, held through the CUDA driver API by ctypes: what a vision service's batch buffer is.

Images are copied into it slot by slot. What is not here are kernels: this example's arithmetic is plain Python on the
CPU, so that it needs no package, and the card's share of the work is the memory and the copies.
"""

from __future__ import annotations

import ctypes

MiB = 1 << 20


class GpuError(Exception):
    """A CUDA driver call failed, or there is no driver; the message says which and what to try."""


class GpuBuffer:
    """`size` bytes on device 0 of those that CUDA_VISIBLE_DEVICES leaves, in slots of `slot` bytes used in turn."""

    def __init__(self, size: int, slot: int = 64 * MiB) -> None:
        try:
            self._cuda = ctypes.CDLL("libcuda.so.1")
        except OSError as why:
            raise GpuError(f"load libcuda.so.1: {why} (no NVIDIA driver here? try --cpu, or `berth sim FLEET -- ...`)") from None
        self.size, self._slot, self._next = size, min(slot, size), 0
        self._device, self._context, self._address = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_uint64()
        self._call("cuInit", ctypes.c_uint(0))
        self._call("cuDeviceGet", ctypes.byref(self._device), ctypes.c_int(0))
        self._call("cuDevicePrimaryCtxRetain", ctypes.byref(self._context), self._device)
        try:
            self._call("cuCtxSetCurrent", self._context)
            self._call("cuMemAlloc_v2", ctypes.byref(self._address), ctypes.c_size_t(size))
        except GpuError:
            self._release_context()
            raise

    def name(self) -> str:
        text = ctypes.create_string_buffer(128)
        self._call("cuDeviceGetName", text, ctypes.c_int(len(text)), self._device)
        return text.value.decode(errors="replace")

    def upload(self, data: bytes) -> int:
        """Copy to the next slot; returns its offset. Waits until the copy is done."""
        if len(data) > self._slot:
            raise GpuError(f"upload {len(data)} bytes: a slot holds {self._slot}")
        if self._next + self._slot > self.size:
            self._next = 0
        at, self._next = self._next, self._next + self._slot
        self._call("cuMemcpyHtoD_v2", ctypes.c_uint64(self._address.value + at), ctypes.c_char_p(data), ctypes.c_size_t(len(data)))
        return at

    def download(self, at: int, size: int) -> bytes:
        data = ctypes.create_string_buffer(size)
        self._call("cuMemcpyDtoH_v2", data, ctypes.c_uint64(self._address.value + at), ctypes.c_size_t(size))
        return data.raw

    def close(self) -> None:
        """Give the memory and the context back; safe to call twice."""
        if self._address.value:
            address, self._address = self._address, ctypes.c_uint64()
            self._call("cuMemFree_v2", address)
        self._release_context()

    def _release_context(self) -> None:
        if self._context.value:
            self._context = ctypes.c_void_p()
            self._call("cuDevicePrimaryCtxRelease_v2", self._device)

    def _call(self, function: str, *arguments: object) -> None:
        try:
            code: int = getattr(self._cuda, function)(*arguments)
        except AttributeError:
            raise GpuError(f"{function}: libcuda.so.1 does not have it (an old driver?)") from None
        if code:
            name = ctypes.c_char_p()
            self._cuda.cuGetErrorName(ctypes.c_int(code), ctypes.byref(name))
            what = name.value.decode() if name.value else "an unknown error"
            hint = f" ({self.size / MiB:.0f} MiB asked for: is something else on this card?)" if code == 2 else ""
            raise GpuError(f"{function}: {what} ({code}){hint}")
