"""Run by a Python that has the `gguf` package: a Llama of a few million random weights as one .gguf file."""

from __future__ import annotations

import sys

import gguf
import numpy as np

LAYERS, HIDDEN, HEADS, KV_HEADS, HEAD, INNER, VOCAB, CONTEXT = 4, 256, 4, 2, 64, 512, 259, 8192


def main() -> None:
    rng = np.random.default_rng(7)
    w = gguf.GGUFWriter(sys.argv[1], "llama")
    w.add_name("tiny")
    w.add_context_length(CONTEXT)
    w.add_embedding_length(HIDDEN)
    w.add_block_count(LAYERS)
    w.add_feed_forward_length(INNER)
    w.add_head_count(HEADS)
    w.add_head_count_kv(KV_HEADS)
    w.add_key_length(HEAD)
    w.add_value_length(HEAD)
    w.add_rope_dimension_count(HEAD)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_vocab_size(VOCAB)
    w.add_tokenizer_model("llama")
    w.add_tokenizer_pre("default")
    tokens = [b"<unk>", b"<s>", b"</s>", *(f"<0x{i:02X}>".encode() for i in range(256))]
    kinds = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL, *([gguf.TokenType.BYTE] * 256)]
    w.add_token_list(tokens)
    w.add_token_scores([0.0] * VOCAB)
    w.add_token_types(kinds)
    w.add_bos_token_id(1)
    w.add_eos_token_id(2)
    w.add_unk_token_id(0)

    def put(name: str, *shape: int, norm: bool = False) -> None:
        w.add_tensor(name, np.ones(shape, np.float32) if norm else (rng.standard_normal(shape) * 0.02).astype(np.float16))

    put("token_embd.weight", VOCAB, HIDDEN)
    put("output.weight", VOCAB, HIDDEN)
    put("output_norm.weight", HIDDEN, norm=True)
    for i in range(LAYERS):
        put(f"blk.{i}.attn_norm.weight", HIDDEN, norm=True)
        put(f"blk.{i}.ffn_norm.weight", HIDDEN, norm=True)
        put(f"blk.{i}.attn_q.weight", HEADS * HEAD, HIDDEN)
        put(f"blk.{i}.attn_k.weight", KV_HEADS * HEAD, HIDDEN)
        put(f"blk.{i}.attn_v.weight", KV_HEADS * HEAD, HIDDEN)
        put(f"blk.{i}.attn_output.weight", HIDDEN, HEADS * HEAD)
        put(f"blk.{i}.ffn_gate.weight", INNER, HIDDEN)
        put(f"blk.{i}.ffn_up.weight", INNER, HIDDEN)
        put(f"blk.{i}.ffn_down.weight", HIDDEN, INNER)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


main()
