"""How long an estimate takes from a folder of safetensors files. Usage: bench/headers.py path/to/berth [--keep DIR]

Makes three folders with the tensors of real models, names, types and shapes, headers and index as they are published; the data is a hole
of the right size. Each is asked about by new processes, after one that is not counted: the files are in the page cache, the process starts cold.
Prints the median of 20, on the clock and of a core (the same beside other work), and the largest memory of one."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

RUNS = 20
BITS = {"BF16": 16, "F32": 32, "F8_E4M3": 8}
Tensor = tuple[str, str, list[int]]


def llama(layers: int, hidden: int, inner: int, kv: int, vocab: int) -> Iterator[Tensor]:
    yield "model.embed_tokens.weight", "BF16", [vocab, hidden]
    for i in range(layers):
        at = f"model.layers.{i}"
        yield f"{at}.input_layernorm.weight", "BF16", [hidden]
        yield f"{at}.mlp.down_proj.weight", "BF16", [hidden, inner]
        yield f"{at}.mlp.gate_proj.weight", "BF16", [inner, hidden]
        yield f"{at}.mlp.up_proj.weight", "BF16", [inner, hidden]
        yield f"{at}.post_attention_layernorm.weight", "BF16", [hidden]
        for name, shape in ("k", [kv, hidden]), ("o", [hidden, hidden]), ("q", [hidden, hidden]), ("v", [kv, hidden]):
            yield f"{at}.self_attn.{name}_proj.weight", "BF16", shape
    yield "model.norm.weight", "BF16", [hidden]
    yield "lm_head.weight", "BF16", [vocab, hidden]


def fp8(name: str, rows: int, columns: int) -> Iterator[Tensor]:
    yield f"{name}.weight", "F8_E4M3", [rows, columns]
    yield f"{name}.weight_scale_inv", "F32", [-(-rows // 128), -(-columns // 128)]


def mlp(name: str, hidden: int, inner: int) -> Iterator[Tensor]:
    yield from fp8(f"{name}.gate_proj", inner, hidden)
    yield from fp8(f"{name}.up_proj", inner, hidden)
    yield from fp8(f"{name}.down_proj", hidden, inner)


LATENT = [("q_a_proj", 1536, 7168), ("q_b_proj", 24576, 1536), ("kv_a_proj_with_mqa", 576, 7168), ("kv_b_proj", 32768, 512), ("o_proj", 7168, 16384)]


def deepseek_v3() -> Iterator[Tensor]:
    hidden = 7168
    yield "model.embed_tokens.weight", "BF16", [129280, hidden]
    for i in range(62):  # the last one is for prediction of several tokens
        at = f"model.layers.{i}"
        for name, rows, columns in LATENT:
            yield from fp8(f"{at}.self_attn.{name}", rows, columns)
        yield f"{at}.self_attn.q_a_layernorm.weight", "BF16", [1536]
        yield f"{at}.self_attn.kv_a_layernorm.weight", "BF16", [512]
        yield f"{at}.input_layernorm.weight", "BF16", [hidden]
        yield f"{at}.post_attention_layernorm.weight", "BF16", [hidden]
        if i < 3:
            yield from mlp(f"{at}.mlp", hidden, 18432)
            continue
        yield f"{at}.mlp.gate.weight", "BF16", [256, hidden]
        yield f"{at}.mlp.gate.e_score_correction_bias", "F32", [256]
        yield from mlp(f"{at}.mlp.shared_experts", hidden, 2048)
        for k in range(256):
            yield from mlp(f"{at}.mlp.experts.{k}", hidden, 2048)
    at = "model.layers.61"
    yield f"{at}.enorm.weight", "BF16", [hidden]
    yield f"{at}.hnorm.weight", "BF16", [hidden]
    yield f"{at}.eh_proj.weight", "BF16", [hidden, 2 * hidden]
    yield f"{at}.embed_tokens.weight", "BF16", [129280, hidden]
    yield f"{at}.shared_head.head.weight", "BF16", [129280, hidden]
    yield f"{at}.shared_head.norm.weight", "BF16", [hidden]
    yield "model.norm.weight", "BF16", [hidden]
    yield "lm_head.weight", "BF16", [129280, hidden]


LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "bfloat16", "max_position_embeddings": 131072,
         "tie_word_embeddings": False, "rms_norm_eps": 1e-5, "head_dim": 128, "num_key_value_heads": 8, "vocab_size": 128256}
DEEPSEEK = {"architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3", "torch_dtype": "bfloat16", "num_hidden_layers": 61, "hidden_size": 7168,
            "intermediate_size": 18432, "num_attention_heads": 128, "num_key_value_heads": 128, "vocab_size": 129280, "max_position_embeddings": 163840,
            "tie_word_embeddings": False, "n_routed_experts": 256, "num_experts_per_tok": 8, "moe_intermediate_size": 2048, "n_shared_experts": 1,
            "first_k_dense_replace": 3,
            "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128, "v_head_dim": 128,
            "num_nextn_predict_layers": 1, "moe_layer_freq": 1,
            "quantization_config": {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8", "weight_block_size": [128, 128]}}
MODELS = [  # what, shards, config, tensors, the question
    ("8B, 1 shard", 1, LLAMA | {"num_hidden_layers": 32, "hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32},
     lambda: llama(32, 4096, 14336, 1024, 128256), ["--gpu", "h100-sxm"]),
    ("70B, 30 shards", 30, LLAMA | {"num_hidden_layers": 80, "hidden_size": 8192, "intermediate_size": 28672, "num_attention_heads": 64},
     lambda: llama(80, 8192, 28672, 1024, 128256), ["--gpu", "h100-sxm", "--tp", "4"]),
    ("DeepSeek-V3, 163 shards", 163, DEEPSEEK, deepseek_v3, ["--gpu", "h200-sxm", "--tp", "8"]),
]


def size_of(t: Tensor) -> int:
    n = BITS[t[1]]
    for d in t[2]:
        n *= d
    return n // 8


def write_shard(path: Path, tensors: list[Tensor]) -> None:
    at, header = 0, {"__metadata__": {"format": "pt"}}
    for t in tensors:
        header[t[0]] = {"dtype": t[1], "shape": t[2], "data_offsets": [at, at + size_of(t)]}
        at += size_of(t)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    os.truncate(path, 8 + len(text) + at)


def make(folder: Path, shards: int, config: dict, source: Callable[[], Iterator[Tensor]]) -> None:
    """Tensors in their order, as many bytes to each shard."""
    tensors = list(source())
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    total, done = sum(map(size_of, tensors)), 0
    parts: list[list[Tensor]] = [[] for _ in range(shards)]
    for t in tensors:
        parts[min(done * shards // total, shards - 1)].append(t)
        done += size_of(t)
    names = [f"model-{i + 1:05}-of-{shards:06}.safetensors" for i in range(shards)] if shards > 1 else ["model.safetensors"]
    for name, part in zip(names, parts, strict=True):
        write_shard(folder / name, part)
    if shards > 1:
        where = {t[0]: name for name, part in zip(names, parts, strict=True) for t in part}
        (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": where}, indent=2))


def once(command: list[str]) -> tuple[float, float, float]:
    """Milliseconds on the clock and of a core, and MiB at the peak, of one process."""
    begin = time.perf_counter()
    pid = os.posix_spawn(command[0], command, dict(os.environ, HF_HUB_OFFLINE="1"), file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
    _, status, usage = os.wait4(pid, 0)
    took = time.perf_counter() - begin
    if os.waitstatus_to_exitcode(status) != 0:
        subprocess.run(command, check=False)
        sys.exit(f"{' '.join(command)}: failed")
    return took * 1000, (usage.ru_utime + usage.ru_stime) * 1000, usage.ru_maxrss / 1024


def make_apart(*args: object) -> None:
    """In a process of its own: until it is another program, a new process counts the memory of the one that started it."""
    pid = os.fork()
    if pid == 0:
        try:
            make(*args)
            os._exit(0)
        finally:
            os._exit(1)
    if os.waitpid(pid, 0)[1] != 0:
        sys.exit("bench/headers.py: the folders could not be made")


def main() -> int:
    berth = str(Path(sys.argv[1] if len(sys.argv) > 1 else "build/src/cmd/berth").resolve())
    keep = Path(sys.argv[3]) if "--keep" in sys.argv else None
    with tempfile.TemporaryDirectory() as temporary:
        base = keep or Path(temporary)
        print(f"{'folder':26} {'tensors':>8} {'headers MB':>11} {'median ms':>10} {'core ms':>8} {'RSS MiB':>8}")
        for i, (what, shards, config, tensors, ask) in enumerate(MODELS):
            folder = base / f"model-{i}"
            if not folder.exists():
                make_apart(folder, shards, config, tensors)
            count = sum(1 for _ in tensors())
            read = sum(int.from_bytes(p.open("rb").read(8), "little") for p in folder.glob("*.safetensors"))
            read += sum(p.stat().st_size for p in folder.glob("*.json"))
            command = [berth, "estimate", str(folder), *ask]
            once(command)
            runs = [once(command) for _ in range(RUNS)]
            median, core, peak = statistics.median(ms for ms, _, _ in runs), statistics.median(ms for _, ms, _ in runs), max(mib for _, _, mib in runs)
            ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            memory = f"{peak:.1f}" if peak > ours + 1 else f"< {peak:.0f}"  # less than our own cannot be seen
            print(f"{what:26} {count:8} {read / 1e6:11.2f} {median:10.1f} {core:8.1f} {memory:>8}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
