"""The programs of examples/forensics: the tools tell forged from clean, and vision, queue and LLM work together and survive stops."""

from __future__ import annotations

import ctypes
import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

FORENSICS = Path(__file__).resolve().parents[2] / "examples" / "forensics"
DEADLINE_S = 180


@pytest.fixture(scope="module", autouse=True)
def programs() -> Iterator[None]:
    """The example's modules, importable as its own programs import them; no __pycache__ beside them."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.insert(0, str(FORENSICS))
    yield
    sys.path.remove(str(FORENSICS))
    sys.dont_write_bytecode = before


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {DEADLINE_S} s for {what}"
        time.sleep(0.01)


# The tools.

OWN_TOOL = {"checkerboard": "frequency", "upscaled": "frequency", "spliced": "noise", "watermarked": "watermark", "cloned": "spatial"}


def scores(image) -> dict[str, float]:
    import frequency, noise, spatial, watermark
    return {tool.NAME: tool.analyse(image)["score"] for tool in (frequency, noise, watermark, spatial)}


@pytest.mark.parametrize("seed", [7001, 7002, 7003])
def test_every_forgery_is_found_by_its_tool(seed):
    import make_images
    assert set(OWN_TOOL) == set(make_images.KINDS) - {"clean"}
    for kind, tool in OWN_TOOL.items():
        said = scores(make_images.make(kind, seed))
        assert said[tool] >= 0.5, (kind, said)


@pytest.mark.parametrize("seed", range(7001, 7007))
def test_a_clean_picture_is_clean_to_all_tools(seed):
    import make_images
    said = scores(make_images.make("clean", seed))
    assert max(said.values()) < 0.5, said


def test_tools_say_clean_of_a_picture_without_any_noise():
    from pixels import Image
    flat = Image(64, 64, bytes((90, 120, 150)) * 64 * 64)
    black_and_white = Image(96, 64, bytes(255 if (i // 3) % 96 > 40 else 0 for i in range(96 * 64 * 3)))
    assert max(scores(flat).values()) == 0
    assert set(scores(black_and_white)) == {"frequency", "noise", "watermark", "spatial"}


def test_pictures_are_the_same_for_the_same_seed(tmp_path):
    from make_images import write_images
    first = write_images(tmp_path / "a", 3, seed=5)
    again = write_images(tmp_path / "b", 3, seed=5)
    other = write_images(tmp_path / "c", 3, seed=6)
    assert [p.read_bytes() for p, _ in first] == [p.read_bytes() for p, _ in again]
    assert [k for _, k in first] == ["clean", "checkerboard", "spliced"]
    assert all(p.read_bytes() != q.read_bytes() for (p, _), (q, _) in zip(first, other))


def test_fft_agrees_with_the_definition():
    import cmath
    from frequency import fft
    x = [complex((7 * i * i + 3) % 11, i % 5) for i in range(32)]
    slow = [sum(v * cmath.exp(-2j * cmath.pi * k * i / 32) for i, v in enumerate(x)) for k in range(32)]
    assert max(abs(a - b) for a, b in zip(fft(x), slow)) < 1e-9


# PNG.

def png_with_filters(image) -> bytes:
    """The same picture with a different filter on each line, computed here and not by pixels.py."""
    import struct, zlib
    stride, lines = 3 * image.width, b""
    for y in range(image.height):
        line = image.rgb[y * stride:(y + 1) * stride]
        up = image.rgb[(y - 1) * stride:y * stride] if y else bytes(stride)
        left, corner = bytes(3) + line[:-3], bytes(3) + up[:-3]
        kind = y % 5
        if kind == 0:
            guess = bytes(stride)
        elif kind == 1:
            guess = left
        elif kind == 2:
            guess = up
        elif kind == 3:
            guess = bytes((a + b) // 2 for a, b in zip(left, up))
        else:
            guess = bytes(min((a, b, c), key=lambda v: abs(a + b - c - v)) for a, b, c in zip(left, up, corner))
        lines += bytes([kind]) + bytes((v - g) & 255 for v, g in zip(line, guess))

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    packed = zlib.compress(lines)
    header = struct.pack(">IIBBBBB", image.width, image.height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"tEXt", b"by\0test")
            + chunk(b"IDAT", packed[:1000]) + chunk(b"IDAT", packed[1000:]) + chunk(b"IEND", b""))


def test_png_reads_what_was_written_and_every_filter():
    from make_images import make
    from pixels import png_decode, png_encode
    image = make("clean", 1)
    assert png_decode(png_encode(image)) == image
    assert png_decode(png_with_filters(image)) == image


def test_a_damaged_png_is_an_error_and_never_a_crash():
    from make_images import make
    from pixels import ImageError, png_decode, png_encode
    good = png_encode(make("clean", 1))
    for cut in (0, 4, 8, 20, 33, 40, len(good) // 2, len(good) - 16):
        with pytest.raises(ImageError):
            png_decode(good[:cut])
    for at in (18, 25, 45, len(good) // 2):  # size, bit depth, pixels: the checksum tells
        with pytest.raises(ImageError):
            png_decode(good[:at] + bytes([good[at] ^ 0x55]) + good[at + 1:])


# Measuring.

def test_overlap_counts_each_second_once():
    from measure import busy, overlap
    vision = [(0.0, 1.0), (1.0, 2.0), (1.5, 3.0), (10.0, 11.0)]
    assert busy(vision) == 4.0
    assert overlap(vision, [(0.5, 1.5), (1.25, 2.5), (20.0, 30.0)]) == 2.0
    assert overlap(vision, [(3.0, 10.0)]) == 0.0
    assert overlap([], vision) == 0.0


# The queue.

def test_spool_puts_back_what_a_dead_owner_had(tmp_path):
    from make_images import write_images
    from spool import Spool, SpoolError
    spool = Spool(tmp_path / "work")
    [(picture, _)] = write_images(tmp_path, 1)
    for name in ("a", "b"):
        spool.submit(picture, name)
    taken = spool.take_image()
    assert taken.stem == "a" and taken.read_bytes() == picture.read_bytes()
    assert spool.recover_images() == 1 and spool.take_image().stem == "a"

    # Dead between writing the finding and moving the image: the image is finished, not begun anew.
    (spool.queue / "a.json").write_text(json.dumps({"image": "a"}))
    assert spool.recover_images() == 0
    assert [p.name for p in spool.seen.iterdir()] == ["a.png"]

    assert [f["image"] for f in spool.take_findings(4)] == ["a"]
    assert spool.take_findings(4) == []
    assert spool.recover_findings() == 1
    [finding] = spool.take_findings(4)
    spool.conclude(finding)
    assert spool.recover_findings() == 0 and spool.unfinished() == 1

    assert not spool.owned("vision")
    spool.own("vision")
    assert spool.owned("vision")
    with pytest.raises(SpoolError, match="another vision"):
        Spool(tmp_path / "work").own("vision")


# The programs together.

class FakeLlm(http.server.ThreadingHTTPServer):
    """Answers /v1/models and /v1/chat/completions; each verdict takes `delay_s`, or as long as `thinks` does."""

    def __init__(self, delay_s: float) -> None:
        super().__init__(("127.0.0.1", 0), FakeLlmHandler)
        self.delay_s, self.questions, self.answer = delay_s, [], "bad \x1b[31mverdict\n"
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.thinks: Callable[[], None] = lambda: time.sleep(self.delay_s)


class FakeLlmHandler(http.server.BaseHTTPRequestHandler):
    server: FakeLlm

    def do_GET(self) -> None:
        self.reply({"object": "list", "data": [{"id": "fake-32b", "object": "model"}]} if self.path == "/v1/models" else None)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.questions.append(body)
        self.server.thinks()
        self.reply({"choices": [{"message": {"role": "assistant", "content": self.server.answer}}]} if self.path == "/v1/chat/completions" else None)

    def reply(self, body: object) -> None:
        data = json.dumps(body or {"error": "no such path"}).encode()
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def llm() -> Iterator[FakeLlm]:
    server = FakeLlm(delay_s=0.3)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def start(program: str, *args: str, work: Path) -> subprocess.Popen[str]:
    env = os.environ | {"FORENSICS_WORK": str(work)}
    return subprocess.Popen([sys.executable, program, *args], cwd=FORENSICS, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def ended(child: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = child.communicate(timeout=DEADLINE_S)
    return child.returncode, out, err


@contextmanager
def vision(work: Path) -> Iterator[subprocess.Popen[str]]:
    child = start("vision_worker.py", "--cpu", "--quiet", work=work)
    try:
        for line in child.stdout:
            if line == "vision: ready\n":
                break
        else:
            pytest.fail(f"vision never was ready: {ended(child)}")
        yield child
    finally:
        if child.poll() is None:
            child.kill()
        child.communicate()


def stems(folder: Path) -> list[str]:
    return sorted(p.stem for p in folder.iterdir() if not p.name.startswith("."))


def test_serial_and_overlapped_end_to_end(tmp_path, llm):
    before = sorted(FORENSICS.iterdir())

    def until_two_wait() -> None:
        """An LLM slower than vision on any machine: it answers when two more findings are in the queue, or no more can come."""
        wait_for(lambda: len(stems(tmp_path / "queue")) >= 2 or not any(stems(tmp_path / f) for f in ("inbox", "looking")), "vision to get ahead")
    llm.thinks = until_two_wait
    with vision(tmp_path) as worker:
        code, out, err = ended(start("analyst.py", "--llm", llm.url + "/", "--images", "6", work=tmp_path))
        assert (code, err) == (0, ""), out
        worker.send_signal(signal.SIGTERM)
        assert ended(worker)[0] == 0
    report = json.loads((tmp_path / "report.json").read_text())
    rounds = {(r["images"], r["mode"]): r for r in report["rounds"]}
    assert set(rounds) == {(1, "serial"), (1, "overlapped"), (6, "serial"), (6, "overlapped")}
    assert rounds[6, "serial"]["llm_calls"] == 6 and rounds[6, "serial"]["both_busy_s"] == 0
    assert rounds[6, "overlapped"]["llm_calls"] < 6 and rounds[6, "overlapped"]["both_busy_s"] > 0
    assert report["right"] == report["images"] == 14  # the tools, not the LLM, decide: it talks nonsense here
    assert "verdicts as the pictures were made: 14 of 14" in out and "\x1b" not in out
    done = [json.loads(p.read_text()) for p in (tmp_path / "done").iterdir()]
    assert len(done) == 14 and {d["verdict"] for d in done} == {"clean", "manipulated"}
    for folder in ("inbox", "looking", "queue", "asking"):
        assert stems(tmp_path / folder) == []
    assert llm.questions[0]["model"] == "fake-32b" and "frequency 0." in llm.questions[0]["messages"][1]["content"]
    assert sorted(FORENSICS.iterdir()) == before


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_vision_stopped_half_way_loses_nothing(tmp_path, llm, how):
    with vision(tmp_path) as first:
        analyst = start("analyst.py", "--llm", llm.url, "--images", "16", "--mode", "overlapped", work=tmp_path)
        wait_for(lambda: len(stems(tmp_path / "looking")) == 1 and len(stems(tmp_path / "seen")) >= 1, "an image being looked at")
        first.send_signal(how)
        assert ended(first)[0] == (0 if how == signal.SIGTERM else -signal.SIGKILL)
        if how == signal.SIGTERM:
            assert stems(tmp_path / "looking") == []  # given back by itself
        assert len(stems(tmp_path / "seen")) < 16  # half way indeed
    with vision(tmp_path):
        code, out, err = ended(analyst)
    assert (code, err) == (0, ""), out
    assert len(stems(tmp_path / "done")) == 16 == len(stems(tmp_path / "seen"))
    assert json.loads((tmp_path / "report.json").read_text())["right"] == 16


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_analyst_stopped_while_asking_is_finished_by_the_next(tmp_path, llm, how):
    llm.delay_s = 2
    with vision(tmp_path):
        first = start("analyst.py", "--llm", llm.url, "--images", "3", "--mode", "overlapped", work=tmp_path)
        wait_for(lambda: len(llm.questions) == 1, "the first question")
        first.send_signal(how)
        code, _, err = ended(first)
        assert code == 128 + how and "Traceback" not in err
        assert stems(tmp_path / "asking") == [] and stems(tmp_path / "done") == []
        llm.delay_s = 0
        code, out, err = ended(start("analyst.py", "--llm", llm.url, "--images", "1", "--mode", "serial", work=tmp_path))
    assert (code, err) == (0, "") and "3 pictures of an earlier run" in out
    assert len(stems(tmp_path / "done")) == 4


def test_a_file_that_is_no_image_gets_a_verdict_too(tmp_path, llm):
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnonsense")
    (tmp_path / "inbox" / "folder.png").mkdir()
    with vision(tmp_path):
        code, out, _ = ended(start("analyst.py", "--llm", llm.url, "--images", "1", work=tmp_path))
    assert code == 0, out
    for name in ("broken", "folder"):
        assert json.loads((tmp_path / "done" / f"{name}.json").read_text())["verdict"] == "unreadable"


def test_errors_say_what_to_do(tmp_path, llm):
    def complaint(*command: str, work: Path = tmp_path / "work") -> str:
        code, _, err = ended(start(*command, work=work))
        assert code == 1 and err.count("\n") == 1, err
        return err

    assert "Connection refused" in complaint("analyst.py", "--llm", "http://127.0.0.1:9")
    assert "not the URL" in complaint("analyst.py", "--llm", "localhost")
    assert "no vision service works there" in complaint("analyst.py", "--llm", llm.url, "--timeout", "0.2", "--images", "1")
    (tmp_path / "file").write_text("")
    assert "FORENSICS_WORK" in complaint("vision_worker.py", "--cpu", work=tmp_path / "file")
    with vision(tmp_path / "work"):
        assert "another vision works on" in complaint("vision_worker.py", "--cpu")


def test_without_a_driver_vision_fails_and_says_so(tmp_path):
    try:
        ctypes.CDLL("libcuda.so.1")
        pytest.skip("this machine has a CUDA driver")
    except OSError:
        pass
    code, out, err = ended(start("vision_worker.py", work=tmp_path))
    assert code == 1 and "libcuda.so.1" in err and "--cpu" in err and "ready" not in out


# The card. A driver of a page, in C, sees what the example asks of it; on a machine with a driver the real one is asked too.

FAKE_DRIVER = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
typedef unsigned long long ptr;
static int contexts, current, copies; static size_t held;
int cuInit(unsigned flags) { return flags ? 1 : 0; }
int cuDeviceGet(int *dev, int i) { *dev = 7; return i ? 101 : 0; }
int cuDeviceGetName(char *s, int n, int dev) { snprintf(s, n, "Fake GPU"); return dev == 7 ? 0 : 101; }
int cuDevicePrimaryCtxRetain(void **ctx, int dev) { if (dev != 7) return 101; contexts++; *ctx = &contexts; return 0; }
int cuDevicePrimaryCtxRelease_v2(int dev) { if (dev != 7) return 101; contexts--; return 0; }
int cuCtxSetCurrent(void *ctx) { current = ctx == &contexts; return current ? 0 : 201; }
int cuMemAlloc_v2(ptr *p, size_t n) { if (!current) return 201; if (n > 100u << 20) return 2; *p = (ptr)calloc(1, n); held += n; return 0; }
int cuMemFree_v2(ptr p) { free((void *)p); held = 0; return 0; }
int cuMemcpyHtoD_v2(ptr to, const void *from, size_t n) { memcpy((void *)to, from, n); copies++; return 0; }
int cuMemcpyDtoH_v2(void *to, ptr from, size_t n) { memcpy(to, (void *)from, n); return 0; }
int cuGetErrorName(int code, const char **s) { *s = code == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_OTHER"; return 0; }
__attribute__((destructor)) static void bye(void) { printf("driver: %d copies, %zu bytes and %d contexts left\n", copies, held, contexts); }
"""

ROUND_TRIP = """
from gpu_buffer import GpuBuffer, GpuError, MiB
buffer = GpuBuffer(64 * MiB, slot=32 * MiB)
assert [buffer.upload(bytes([n]) * 1000) for n in (1, 2, 3)] == [0, 32 * MiB, 0]
assert buffer.download(0, 1000) == bytes([3]) * 1000 and buffer.download(32 * MiB, 1000) == bytes([2]) * 1000
try:
    buffer.upload(bytes(33 * MiB))
    raise SystemExit("a slot overflowed")
except GpuError as why:
    assert "a slot holds" in str(why)
buffer.close()
buffer.close()
"""


@pytest.fixture
def driver(tmp_path, monkeypatch) -> None:
    """Programs started from here on find the fake driver as libcuda.so.1."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        pytest.skip("no C compiler")
    folder = tmp_path / "driver"
    folder.mkdir()
    (folder / "cuda.c").write_text(FAKE_DRIVER)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", folder / "libcuda.so.1", folder / "cuda.c"], check=True)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(folder))


def test_gpu_buffer_copies_and_gives_back(driver):
    out = subprocess.run([sys.executable, "-B", "-c", ROUND_TRIP], cwd=FORENSICS, text=True, capture_output=True, timeout=DEADLINE_S)
    assert (out.returncode, out.stderr) == (0, "")
    assert out.stdout == "driver: 3 copies, 0 bytes and 0 contexts left\n"


def test_gpu_buffer_on_this_machines_driver():
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        pytest.skip("this machine has no CUDA driver")
    out = subprocess.run([sys.executable, "-B", "-c", ROUND_TRIP], cwd=FORENSICS, text=True, capture_output=True, timeout=DEADLINE_S)
    assert (out.returncode, out.stderr) == (0, "")


def test_vision_holds_its_card_and_lets_go(tmp_path, driver, llm):
    work = tmp_path / "work"
    worker = start("vision_worker.py", "--staging-mib", "64", work=work)
    code, out, err = ended(start("analyst.py", "--llm", llm.url, "--images", "2", "--mode", "overlapped", work=work))
    assert (code, err) == (0, ""), out
    worker.send_signal(signal.SIGTERM)
    code, out, err = ended(worker)
    assert (code, err) == (0, "")
    assert out.startswith("vision: 64 MiB of staging held on Fake GPU\nvision: ready\n")
    assert out.endswith("vision: stopped\ndriver: 2 copies, 0 bytes and 0 contexts left\n")


def test_a_full_card_is_said_and_nothing_stays(tmp_path, driver):
    code, out, err = ended(start("vision_worker.py", "--staging-mib", "200", work=tmp_path / "work"))
    assert code == 1 and "CUDA_ERROR_OUT_OF_MEMORY" in err and "200 MiB" in err
    assert out == "driver: 0 copies, 0 bytes and 0 contexts left\n"
