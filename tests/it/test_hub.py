"""The hub: headers by range requests from a server that behaves like it, on good days and bad ones. Weights are never asked for."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest

from conftest import BERTH, DEADLINE_S

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_secret"
LAYERS, HIDDEN, INTERMEDIATE, VOCAB = 4, 256, 512, 1000
CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "num_hidden_layers": LAYERS, "hidden_size": HIDDEN, "intermediate_size": INTERMEDIATE,
          "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 64, "vocab_size": VOCAB, "max_position_embeddings": 4096, "torch_dtype": "bfloat16"}


def tensors() -> dict[str, list[int]]:
    shapes = {"model.embed_tokens.weight": [VOCAB, HIDDEN], "model.norm.weight": [HIDDEN], "lm_head.weight": [VOCAB, HIDDEN]}
    for i in range(LAYERS):
        for name, shape in (("self_attn.q_proj", [256, HIDDEN]), ("self_attn.k_proj", [128, HIDDEN]), ("self_attn.v_proj", [128, HIDDEN]), ("self_attn.o_proj", [HIDDEN, 256]),
                            ("mlp.gate_proj", [INTERMEDIATE, HIDDEN]), ("mlp.up_proj", [INTERMEDIATE, HIDDEN]), ("mlp.down_proj", [HIDDEN, INTERMEDIATE]),
                            ("input_layernorm", [HIDDEN]), ("post_attention_layernorm", [HIDDEN])):
            shapes[f"model.layers.{i}.{name}.weight"] = shape
    return shapes


def safetensors(shapes: dict[str, list[int]], padding: int = 0) -> tuple[bytes, int]:
    """The front of a file and the length of the whole."""
    header, at = {}, 0
    for name, shape in shapes.items():
        size = 2
        for n in shape:
            size *= n
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode() + b" " * padding
    front = struct.pack("<Q", len(text)) + text
    return front, len(front) + at


def gguf(layers: int = 2, words: int = 0) -> tuple[bytes, int]:
    def z(text: str) -> bytes:
        return struct.pack("<Q", len(text)) + text.encode()

    kv = [z("general.architecture") + struct.pack("<I", 8) + z("llama")]
    for key, value in (("block_count", layers), ("context_length", 2048), ("embedding_length", 256), ("feed_forward_length", 512), ("attention.head_count", 4)):
        kv.append(z("llama." + key) + struct.pack("<II", 4, value))
    kv.append(z("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, words or 300) + b"".join(z(f"word{i}") for i in range(words or 300)))
    infos, at = b"", 0
    for name, rows in [("token_embd.weight", 300)] + [(f"blk.{i}.ffn_up.weight", 512) for i in range(layers)]:
        infos += z(name) + struct.pack("<IQQIQ", 2, 256, rows, 8, at)
        at += 256 // 32 * 34 * rows
    front = b"GGUF" + struct.pack("<IQQ", 3, layers + 1, len(kv)) + b"".join(kv) + infos
    front += b"\0" * (-len(front) % 32)
    return front, len(front) + at


class Hub:
    """A repository acme/tiny (or what a test puts there) behind redirects to a second server, as large files are."""

    def __init__(self) -> None:
        self.repos: dict[str, dict[str, tuple[bytes, int]]] = {}
        self.api: list[str] = []                   # paths asked for, in order
        self.fetched: list[tuple[str, str]] = []   # (file, range)
        self.tokens: dict[str, list[str | None]] = {"hub": [], "cdn": []}
        self.faults: dict[str, list[str]] = {}     # file or "api" -> what goes wrong next
        self.sent = 0
        self.lock = threading.Lock()
        self.cdn = self.serve("cdn")
        self.hub = self.serve("hub")
        self.url = f"http://127.0.0.1:{self.hub.server_port}"

    def serve(self, role: str) -> ThreadingHTTPServer:
        world = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                world.answer(self, role)

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def close(self) -> None:
        for server in (self.hub, self.cdn):
            server.shutdown()
            server.server_close()

    def fault(self, key: str) -> str | None:
        with self.lock:
            queue = self.faults.get(key)
            if not queue:
                return None
            return queue[0] if queue[0].endswith("!") else queue.pop(0)      # "...!" stays

    @staticmethod
    def reply(h: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
        h.send_response(status)
        for name, value in headers.items():
            h.send_header(name.replace("_", "-"), value)
        h.send_header("Content-Length", str(len(body)))
        h.end_headers()
        h.wfile.write(body)

    def answer(self, h: BaseHTTPRequestHandler, role: str) -> None:
        self.tokens[role].append(h.headers.get("Authorization"))
        path = unquote(h.path)
        if role == "hub" and path.startswith("/api/models/"):
            self.api.append(path)
            self.list_files(h, path.removeprefix("/api/models/"))
            return
        repo, _, rest = path.lstrip("/").partition("/resolve/")
        commit, _, name = rest.partition("/")
        if role == "hub":
            assert commit == COMMIT, path
            self.reply(h, 302, Location=f"http://127.0.0.1:{self.cdn.server_port}/{repo}/resolve/{commit}/{name}")
            return
        self.send_file(h, repo, name)

    def list_files(self, h: BaseHTTPRequestHandler, rest: str) -> None:
        repo, _, revision = rest.partition("/revision/")
        what = self.fault("api")
        if what and what.rstrip("!").isdigit():
            self.reply(h, int(what.rstrip("!")), **({"Retry_After": "0"} if what.startswith("429") else {}),
                       **({"X_Error_Code": "GatedRepo", "X_Error_Message": "Access to model acme/tiny is restricted"} if what.startswith("403") else {}))
        elif what == "garbage":
            self.reply(h, 200, b"<html>a captive portal</html>")
        elif repo not in self.repos:
            self.reply(h, 401, X_Error_Code="RepoNotFound", X_Error_Message="Repository not found")
        elif revision.split("?")[0] not in ("main", "refs/pr/1"):
            self.reply(h, 404, X_Error_Code="RevisionNotFound", X_Error_Message="Invalid rev id: nope")
        else:
            self.reply(h, 200, json.dumps({"sha": COMMIT, "siblings": [{"rfilename": n, "size": size} for n, (_, size) in self.repos[repo].items()]}).encode())

    def send_file(self, h: BaseHTTPRequestHandler, repo: str, name: str) -> None:
        wanted = h.headers.get("Range")
        self.fetched.append((name, wanted or ""))
        if name not in self.repos[repo]:
            self.reply(h, 404, X_Error_Code="EntryNotFound")
            return
        front, size = self.repos[repo][name]
        what = self.fault(name) or ""
        start, end = 0, size
        if wanted and not what.startswith("no-range"):
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start, end = int(first), min(size, int(last) + 1)
        if what.rstrip("!").isdigit():
            self.reply(h, int(what.rstrip("!")), Retry_After="0")
            return
        h.send_response(206 if (start, end) != (0, size) else 200)
        h.send_header("Content-Length", str(end - start))
        if (start, end) != (0, size):
            h.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        h.end_headers()
        if what.startswith("torn"):
            end = start + (end - start) // 2
        try:
            while start < end:
                piece = front[start:min(end, start + 65536)] or b"\0" * min(65536, end - start)
                if what.startswith("stall") and start:
                    time.sleep(30)
                h.wfile.write(piece)
                start += len(piece)
                self.sent += len(piece)
                if what.startswith("stall"):
                    h.wfile.flush()
                    start = max(start, 1)
        except OSError:
            pass
        if what.startswith("torn"):
            h.close_connection = True


@pytest.fixture
def hub() -> Iterator[Hub]:
    world = Hub()
    yield world
    world.close()


def put_tiny(hub: Hub, shards: int = 2, padding: int = 0) -> None:
    names = list(tensors().items())
    files = {"config.json": (b"", 0), "README.md": (b"x", 1)}
    weight_map = {}
    for k in range(shards):
        name = f"model-{k + 1:05}-of-{shards:05}.safetensors"
        part = dict(names[k::shards])
        files[name] = safetensors(part, padding)
        weight_map.update({tensor: name for tensor in part})
    for name, value in (("config.json", CONFIG), ("model.safetensors.index.json", {"metadata": {}, "weight_map": weight_map})):
        text = json.dumps(value).encode()
        files[name] = (text, len(text))
    hub.repos["acme/tiny"] = files


def estimate(hub: Hub | str, tmp_path: Path, model: str = "acme/tiny", *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    url = hub if isinstance(hub, str) else hub.url
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "BERTH_", "http", "HTTP"))}
    return subprocess.run([str(BERTH), "estimate", model, "--gpu", "rtx4090", "--json", *args], capture_output=True, text=True, timeout=DEADLINE_S, check=False,
                          env={**clean, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "HF_ENDPOINT": url, "HF_TOKEN": TOKEN, "NO_PROXY": "*", **env})


def ok(done: subprocess.CompletedProcess[str]) -> dict:
    assert done.returncode in (0, 3), done.stderr
    return json.loads(done.stdout)


PARAMETERS = sum(a * (b[0] if b else 1) for a, *b in tensors().values())


def test_headers_and_nothing_else(hub: Hub, tmp_path: Path) -> None:
    put_tiny(hub)
    answer = ok(estimate(hub, tmp_path))
    assert answer["model"]["parameters"] == PARAMETERS
    assert answer["model"]["weight_bytes"] == 2 * PARAMETERS
    assert answer["model"]["source"] == "headers"
    whole = sum(size for _, size in hub.repos["acme/tiny"].values())
    assert hub.sent < whole / 3, "weights were downloaded"
    assert all(r.startswith("bytes=0-") for name, r in hub.fetched if name.endswith(".safetensors"))


def test_the_token_stays_with_its_host(hub: Hub, tmp_path: Path) -> None:
    put_tiny(hub)
    ok(estimate(hub, tmp_path))
    assert hub.tokens["hub"] and set(hub.tokens["hub"]) == {f"Bearer {TOKEN}"}
    assert hub.tokens["cdn"] and set(hub.tokens["cdn"]) == {None}


def test_a_second_time_asks_only_for_the_commit(hub: Hub, tmp_path: Path) -> None:
    put_tiny(hub)
    first = ok(estimate(hub, tmp_path))
    fetched = len(hub.fetched)
    second = ok(estimate(hub, tmp_path))
    assert len(hub.fetched) == fetched and len(hub.api) == 2
    assert first["model"] == second["model"]
    offline = ok(estimate(hub, tmp_path, HF_HUB_OFFLINE="1"))
    assert len(hub.api) == 2 and offline["model"] == first["model"]
    gone = estimate("http://127.0.0.1:9", tmp_path)          # another endpoint has its own models
    assert gone.returncode == 1 and "not reachable" in gone.stderr


def test_unreachable_uses_what_was_fetched_and_says_so(hub: Hub, tmp_path: Path) -> None:
    put_tiny(hub)
    first = ok(estimate(hub, tmp_path))
    hub.close()
    done = estimate(hub.url, tmp_path)
    assert ok(done)["model"] == first["model"]
    assert "using the headers of commit 0123456789ab" in done.stderr


def test_a_header_longer_than_the_first_piece(hub: Hub, tmp_path: Path) -> None:
    put_tiny(hub, padding=300_000)
    assert ok(estimate(hub, tmp_path))["model"]["parameters"] == PARAMETERS
    assert any(not r.startswith("bytes=0-") for name, r in hub.fetched if name.endswith(".safetensors"))


def test_many_shards(hub: Hub, tmp_path: Path) -> None:
    put_tiny(hub, shards=len(tensors()))
    answer = ok(estimate(hub, tmp_path))
    assert answer["model"]["parameters"] == PARAMETERS
    assert len([name for name, _ in hub.fetched if name.endswith(".safetensors")]) == len(tensors())


@pytest.mark.parametrize("what", ["429", "503", "torn", "no-range!", "stall"])
def test_a_bad_moment_is_survived(hub: Hub, tmp_path: Path, what: str) -> None:
    put_tiny(hub)
    hub.faults["model-00001-of-00002.safetensors"] = [what]
    assert ok(estimate(hub, tmp_path, BERTH_HUB_STALL_S="1"))["model"]["parameters"] == PARAMETERS


def test_no_ranges_and_a_long_header(hub: Hub, tmp_path: Path) -> None:
    put_tiny(hub, padding=300_000)
    hub.faults["model-00001-of-00002.safetensors"] = ["no-range!"]
    assert ok(estimate(hub, tmp_path))["model"]["parameters"] == PARAMETERS


@pytest.mark.parametrize(("key", "what", "code", "says"), [
    ("api", "401!", 1, "set HF_TOKEN"),
    ("api", "403!", 1, "accept its terms"),
    ("api", "404!", 1, "the hub has no acme/tiny"),
    ("api", "429!", 75, "HTTP 429"),
    ("api", "500!", 75, "HTTP 500"),
    ("api", "garbage", 1, "the hub's list of files"),
    ("model-00002-of-00002.safetensors", "torn!", 1, "model-00002-of-00002.safetensors"),
    ("model-00002-of-00002.safetensors", "429!", 75, "model-00002-of-00002.safetensors"),
    ("config.json", "403!", 1, "config.json"),
])
def test_a_bad_day_is_said(hub: Hub, tmp_path: Path, key: str, what: str, code: int, says: str) -> None:
    put_tiny(hub)
    hub.faults[key] = [what]
    done = estimate(hub, tmp_path)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert TOKEN not in done.stderr + done.stdout
    assert json.loads(done.stdout)["kind"] == "error"
    hub.faults.clear()                             # nothing half-fetched is left that would count
    assert ok(estimate(hub, tmp_path))["model"]["parameters"] == PARAMETERS


def test_a_shard_that_lies_is_refused(hub: Hub, tmp_path: Path) -> None:
    put_tiny(hub)
    front, size = hub.repos["acme/tiny"]["model-00001-of-00002.safetensors"]
    hub.repos["acme/tiny"]["model-00001-of-00002.safetensors"] = (front, size - 100)
    done = estimate(hub, tmp_path)
    assert done.returncode == 1 and "model-00001-of-00002.safetensors" in done.stderr


def test_names_that_nobody_has(hub: Hub, tmp_path: Path) -> None:
    done = estimate(hub, tmp_path, "acme/none")
    assert done.returncode == 1 and "find model acme/none" in done.stderr and "Repository not found" in done.stderr
    put_tiny(hub)
    done = estimate(hub, tmp_path, "acme/tiny", "--revision", "nope")
    assert done.returncode == 1 and "Invalid rev id" in done.stderr
    ok(estimate(hub, tmp_path, "acme/tiny", "--revision", "refs/pr/1"))
    for bad in ("no/such/place", "../etc/passwd", "./folder", "plain-name", "a/b:../c"):
        asked = len(hub.api)
        assert estimate(hub, tmp_path, bad).returncode == 1
        assert len(hub.api) == asked, bad


def test_offline_and_refused_are_quick_and_clear(tmp_path: Path) -> None:
    done = estimate("http://127.0.0.1:9", tmp_path, HF_HUB_OFFLINE="1")
    assert done.returncode == 1 and "HF_HUB_OFFLINE" in done.stderr
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    done = estimate(f"http://127.0.0.1:{port}", tmp_path)
    assert done.returncode == 1 and "not reachable" in done.stderr and "find model acme/tiny" in done.stderr
    done = estimate("http://no-such-host.invalid", tmp_path)
    assert done.returncode == 1 and "not reachable" in done.stderr


def test_gguf_by_its_type(hub: Hub, tmp_path: Path) -> None:
    hub.repos["acme/tiny-GGUF"] = {"tiny-Q8_0.gguf": gguf(), "tiny-Q4_K_M.gguf": gguf(3, words=200_000), "mmproj-F16.gguf": gguf(1)}
    engine = ("--engine", "llama-server")
    done = estimate(hub, tmp_path, "acme/tiny-GGUF", *engine)
    assert done.returncode == 1 and "2 GGUF models" in done.stderr and "acme/tiny-GGUF:Q4_K_M" in done.stderr
    answer = ok(estimate(hub, tmp_path, "acme/tiny-GGUF:q8_0", *engine))
    assert answer["model"]["weight_bytes"] == 256 // 32 * 34 * (300 + 2 * 512)
    assert "llama-server -hf acme/tiny-GGUF:q8_0" in answer["command"]
    answer = ok(estimate(hub, tmp_path, "acme/tiny-GGUF:Q4_K_M", *engine))   # its vocabulary alone is longer than the first piece
    assert answer["model"]["weight_bytes"] == 256 // 32 * 34 * (300 + 3 * 512)


def test_neither_safetensors_nor_gguf(hub: Hub, tmp_path: Path) -> None:
    hub.repos["acme/old"] = {"config.json": (b"{}", 2), "pytorch_model.bin": (b"x", 1)}
    done = estimate(hub, tmp_path, "acme/old")
    assert done.returncode == 1 and "neither safetensors nor GGUF" in done.stderr
