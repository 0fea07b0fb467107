"""GGUF files with real metadata, a vocabulary and a hole for data: what llama-server loads as it loads a model, and berth reads as its header."""

from __future__ import annotations

import struct
from pathlib import Path

#: number, elements of a block, bytes of a block (ggml-common.h)
TYPES = {"F32": (0, 1, 4), "F16": (1, 1, 2), "Q4_0": (2, 32, 18), "Q8_0": (8, 32, 34), "Q4_K": (12, 256, 144), "Q6_K": (14, 256, 210)}
Q_RANK = 768                         # of latent attention's queries


def text(z: str) -> bytes:
    return struct.pack("<Q", len(z)) + z.encode()


def u32(n: int) -> bytes:
    return struct.pack("<II", 4, n)


def f32(x: float) -> bytes:
    return struct.pack("<If", 6, x)


def string(z: str) -> bytes:
    return struct.pack("<I", 8) + text(z)


def strings(words: list[str]) -> bytes:
    return struct.pack("<IIQ", 9, 8, len(words)) + b"".join(map(text, words))


def i32s(numbers: list[int]) -> bytes:
    return struct.pack("<IIQ", 9, 5, len(numbers)) + struct.pack(f"<{len(numbers)}i", *numbers)


def save(path: Path, keys: list[tuple[str, bytes]], tensors: list[tuple[str, str, tuple[int, ...]]]) -> None:
    infos, at = b"", 0
    for name, kind, ne in tensors:
        number, block, size = TYPES[kind]
        data = ne[0] // block * size
        for n in ne[1:]:
            data *= n
        infos += text(name) + struct.pack("<I", len(ne)) + b"".join(struct.pack("<Q", n) for n in ne) + struct.pack("<IQ", number, at)
        at += -(-data // 32) * 32
    front = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys)) + b"".join(text(k) + v for k, v in keys) + infos
    front += b"\0" * (-len(front) % 32)
    with open(path, "wb") as f:
        f.write(front)
        f.truncate(len(front) + at)


def vocabulary(n: int) -> list[tuple[str, bytes]]:
    return [("tokenizer.ggml.model", string("gpt2")), ("tokenizer.ggml.pre", string("default")), ("tokenizer.ggml.tokens", strings([f"w{i}" for i in range(n)])),
            ("tokenizer.ggml.token_type", i32s([1] * n)), ("tokenizer.ggml.merges", strings(["w 0"])), ("tokenizer.ggml.bos_token_id", u32(0)), ("tokenizer.ggml.eos_token_id", u32(1))]


def write_model(path: Path, arch: str = "llama", layers: int = 4, hidden: int = 2048, feed: int = 5632, heads: int = 16, kv_heads: int = 4, vocab: int = 32000, kind: str = "Q8_0",
                context: int = 131072, head_dim: int = 0, window: int = 0, experts: int = 0, used: int = 0, expert_feed: int = 0, tied: bool = False, latent: int = 0, rope: int = 64) -> None:
    """arch: llama, qwen2, qwen3, qwen3moe, gemma2, gemma3, gpt-oss, deepseek2 (latent: kv_lora_rank)."""
    d = head_dim or hidden // heads
    keys: list[tuple[str, bytes]] = [("general.architecture", string(arch))]
    numbers = {"block_count": layers, "context_length": context, "embedding_length": hidden, "feed_forward_length": feed, "attention.head_count": heads,
               "attention.head_count_kv": 1 if latent else kv_heads, "rope.dimension_count": rope if latent else d, "vocab_size": vocab}
    if latent:
        numbers |= {"attention.kv_lora_rank": latent, "attention.key_length": latent + rope, "attention.value_length": latent, "attention.key_length_mla": d + rope,
                    "attention.value_length_mla": d, "attention.q_lora_rank": Q_RANK, "leading_dense_block_count": layers, "expert_shared_count": 0, "expert_feed_forward_length": feed}
    elif head_dim:
        numbers |= {"attention.key_length": d, "attention.value_length": d}
    if window:
        numbers["attention.sliding_window"] = window
    if experts:
        numbers |= {"expert_count": experts, "expert_used_count": used}
    if expert_feed:
        numbers["expert_feed_forward_length"] = expert_feed
    keys += [(f"{arch}.{k}", u32(v)) for k, v in numbers.items()]
    keys += [(f"{arch}.attention.layer_norm_rms_epsilon", f32(1e-5)), (f"{arch}.rope.freq_base", f32(10000.0)), *vocabulary(vocab)]
    tensors = [("token_embd.weight", kind, (hidden, vocab))]         # what stays on the CPU is one stretch of the file: a mapping is told as such
    for i in range(layers):
        tensors += [(f"blk.{i}.{n}", k, ne) for n, k, ne in layer(arch, kind, hidden, feed, heads, kv_heads, d, experts, expert_feed or feed, latent, rope)]
    tensors += [("output_norm.weight", "F32", (hidden,)), *([] if tied else [("output.weight", kind, (hidden, vocab))])]
    save(path, keys, tensors)


def layer(arch: str, kind: str, hidden: int, feed: int, heads: int, kv_heads: int, d: int, experts: int, expert_feed: int, latent: int, rope: int) -> list[tuple[str, str, tuple[int, ...]]]:
    t: list[tuple[str, str, tuple[int, ...]]] = [("attn_norm.weight", "F32", (hidden,))]
    if latent:
        t += [("attn_q_a.weight", kind, (hidden, Q_RANK)), ("attn_q_a_norm.weight", "F32", (Q_RANK,)), ("attn_q_b.weight", kind, (Q_RANK, heads * (d + rope))), ("attn_kv_a_mqa.weight", kind, (hidden, latent + rope)), ("attn_kv_a_norm.weight", "F32", (latent,)),
              ("attn_k_b.weight", kind, (d, latent, heads)), ("attn_v_b.weight", kind, (latent, d, heads)), ("attn_output.weight", kind, (heads * d, hidden))]
    else:
        t += [("attn_q.weight", kind, (hidden, heads * d)), ("attn_k.weight", kind, (hidden, kv_heads * d)), ("attn_v.weight", kind, (hidden, kv_heads * d)), ("attn_output.weight", kind, (heads * d, hidden))]
    if arch in ("qwen2", "gpt-oss"):
        t += [("attn_q.bias", "F32", (heads * d,)), ("attn_k.bias", "F32", (kv_heads * d,)), ("attn_v.bias", "F32", (kv_heads * d,))]
    if arch == "gpt-oss":
        t += [("attn_output.bias", "F32", (hidden,)), ("attn_sinks.weight", "F32", (heads,)), ("ffn_gate_inp.bias", "F32", (experts,)), ("ffn_gate_exps.bias", "F32", (expert_feed, experts)),
              ("ffn_up_exps.bias", "F32", (expert_feed, experts)), ("ffn_down_exps.bias", "F32", (hidden, experts))]
    if arch in ("qwen3", "qwen3moe", "gemma3"):
        t += [("attn_q_norm.weight", "F32", (d,)), ("attn_k_norm.weight", "F32", (d,))]
    if arch in ("gemma2", "gemma3", "gpt-oss"):
        t += [("post_attention_norm.weight", "F32", (hidden,))]
    if arch in ("gemma2", "gemma3"):
        t += [("post_ffw_norm.weight", "F32", (hidden,))]
    t += [] if arch == "gpt-oss" else [("ffn_norm.weight", "F32", (hidden,))]
    if experts:
        return [*t, ("ffn_gate_inp.weight", "F32", (hidden, experts)), ("ffn_gate_exps.weight", kind, (hidden, expert_feed, experts)), ("ffn_up_exps.weight", kind, (hidden, expert_feed, experts)),
                ("ffn_down_exps.weight", kind, (expert_feed, hidden, experts))]
    return [*t, ("ffn_gate.weight", kind, (hidden, feed)), ("ffn_up.weight", kind, (hidden, feed)), ("ffn_down.weight", kind, (feed, hidden))]
