#!/usr/bin/env python3
"""catalog_gen.py CATALOG.csv OUT.c - the catalog of cards as a C table. Adding a card is one row of the CSV.

Stops with file and line on a row that cannot be right, so that a slip is a build error and not a wrong plan.
"""
import csv
import re
import sys

MADE_FOR = {"racks": "BT_FOR_RACKS", "desks": "BT_FOR_DESKS", "games": "BT_FOR_GAMES", "devices": "BT_FOR_DEVICES"}
VENDOR_WORDS = {"nvidia", "geforce", "tesla", "quadro", "amd", "instinct", "intel"}


def c_string(s):
    return '"' + s.replace("\\", "\\\\").replace('"', '\\"') + '"'


def number(row, column, kind, lo=0):
    text = row[column].strip()
    value = kind(text) if text else kind(0)
    if value < lo:
        raise ValueError(f"{column} is negative")
    return value


def short_name(nvml_name):
    """The name people type: "NVIDIA GeForce RTX 4090" -> "RTX-4090"."""
    return "-".join(w for w in nvml_name.split() if w.lower() not in VENDOR_WORDS)


def capability(text):
    m = re.fullmatch(r"(\d+)\.(\d+)", text)
    return (int(m[1]), int(m[2])) if m else (0, 0)       # gfx942 and the like are no CUDA capability


def entry(row):
    major, minor = capability(row["compute_cap"])
    nvml = number(row, "nvml_mib", int) << 20
    cuda = number(row, "cuda_bytes", int)
    if cuda and nvml and not 0.9 * nvml < cuda <= nvml:
        raise ValueError(f"cuda_bytes {cuda} does not belong to nvml_mib {row['nvml_mib']}")
    if cuda and not row["src_cuda"]:
        raise ValueError("cuda_bytes without src_cuda")
    if row["nvlink_mesh"] not in ("0", "1"):
        raise ValueError("nvlink_mesh is 0 or 1")
    if row["made_for"] not in MADE_FOR:
        raise ValueError("made_for is one of " + ", ".join(MADE_FOR))
    fields = {
        "key": c_string(row["key"]), "short_name": c_string(short_name(row["nvml_name"])),
        "nvml_name": c_string(row["nvml_name"]), "aliases": c_string(row["aliases"]),
        "vendor": c_string(row["vendor"]), "arch": c_string(row["arch"]), "eff_class": c_string(row["eff_class"]),
        "made_for": MADE_FOR[row["made_for"]],
        "nvml_bytes": f"UINT64_C({nvml})", "cuda_bytes": f"UINT64_C({cuda})",
        "mem_gbs": number(row, "mem_bw_gbs", float), "fp16_tflops": number(row, "fp16_tflops", float),
        "fp8_tflops": number(row, "fp8_tflops", float), "int8_tops": number(row, "int8_tops", float),
        "fp32_tflops": number(row, "fp32_tflops", float), "cc_major": major, "cc_minor": minor,
        "nvlink_gbs": number(row, "nvlink_gbs", float), "nvlink_mesh": row["nvlink_mesh"],
        "nvlink_peers": c_string(row["nvlink_peers"]), "pcie": c_string(row["pcie"]), "tdp_w": number(row, "tdp_w", int),
    }
    return "    { " + ", ".join(f".{k} = {v}" for k, v in fields.items()) + " },\n"


def main(source, target):
    out, keys = [], set()
    with open(source, newline="", encoding="utf-8") as f:
        reader = csv.DictReader(f, strict=True)
        for row in reader:
            try:
                if None in row or None in row.values():
                    raise ValueError("not as many cells as the header has")
                if not re.fullmatch(r"[a-z0-9-]+", row["key"]) or row["key"] in keys or not row["nvml_name"]:
                    raise ValueError("key or name empty, malformed or used twice")
                keys.add(row["key"])
                out.append(entry(row))
            except (ValueError, KeyError) as e:
                sys.exit(f"{source}:{reader.line_num}: {e}")
    with open(target, "w", encoding="utf-8") as f:
        f.write('/* Made by catalog_gen.py from catalog.csv: edit that one. */\n#include "gpu/catalog.h"\n\n')
        f.write("const struct bt_gpu_kind bt_gpu_catalog[] = {\n" + "".join(out) + "};\n")
        f.write("const size_t bt_gpu_catalog_n = sizeof bt_gpu_catalog / sizeof bt_gpu_catalog[0];\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
