"""Work that is no server: `berth estimate --train ...`, and jobs in berth.yaml, as a user meets them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from conftest import BERTH, DEADLINE_S

GIB = 2**30
QWEN7 = "Qwen/Qwen2.5-7B-Instruct"


def berth(*args: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "HF_HUB_CACHE": "/nonexistent", "LC_ALL": "C.UTF-8", "BERTH_STATE_DIR": str(cwd or "/nonexistent")}
    return subprocess.run([BERTH, *args], capture_output=True, text=True, timeout=DEADLINE_S, env=env, check=False, cwd=cwd)


def estimate(*args: str, code: int = 0) -> dict:
    result = berth("estimate", "--json", *args)
    assert result.returncode == code, result.stdout + result.stderr
    return json.loads(result.stdout)


def test_lora_as_peft_counts_it() -> None:
    found = estimate("--train", QWEN7, "--method", "lora", "--rank", "16", "--batch", "1", "--tokens", "1024", "--gpu", "A100-SXM4-40GB")
    assert found["job"]["trained_parameters"] == 40370176
    need = found["ranks"][0]["need"]
    assert sum(line["bytes"] for line in need) == found["ranks"][0]["need_bytes"]
    assert found["fits"]


def test_advice_is_true() -> None:
    args = ["--train", QWEN7, "--method", "lora", "--batch", "8", "--tokens", "2048", "--gpu", "A100-SXM4-40GB"]
    found = estimate(*args, code=3)
    assert found["advice"]
    for way in found["advice"]:
        again = estimate(*args, *way["flags"].split())
        assert again["fits"]
        assert again["ranks"][0]["need_bytes"] == way["bytes"]


def test_auto_is_the_largest() -> None:
    args = ["--forward", QWEN7, "--tokens", "2048", "--gpu", "A100-SXM4-40GB"]
    most = estimate(*args, "--batch", "auto")["job"]["batch"]
    assert most >= 2
    assert estimate(*args, "--batch", str(most))["fits"]
    assert not estimate(*args, "--batch", str(most + 1), code=3)["fits"]


def test_zero_cuts_by_gpus() -> None:
    found = [estimate("--train", QWEN7, "--tokens", "512", "--zero", "3", "--gpus", str(n), "--gpu", "A100-SXM4-80GB")["ranks"][0]["need_bytes"] for n in (8, 16)]
    assert found[1] < found[0]


@pytest.mark.parametrize(
    ("args", "has"),
    [
        (("--train", QWEN7, "--layers", "3"), "belongs to forward"),
        (("--train", QWEN7, "--optimizer", "adamm"), "adam"),
        (("--train", QWEN7, "--forward", QWEN7), "one job at a time"),
        (("--train", QWEN7, "--batch", "lots"), "want auto"),
        (("--train", QWEN7, "--backend", "megatron", "--tp", "4", "--gpus", "6"), "6 GPUs"),
        (("--generate", QWEN7, "more"), "stands after"),
        (("--forward", QWEN7, "--pp", "49", "--gpus", "49"), "has 28 layers"),
        (("--forward", QWEN7, "--layers", "0,0"), "each once"),
        (("--forward", QWEN7, "--layers", "3,-1"), "counted from 0"),
        (("--forward", QWEN7, "--layers", "3,"), "counted from 0"),
        (("--forward", QWEN7, "--layers", "3,29"), "to 28 (what comes out of the last)"),
    ],
)
def test_mistakes(args: tuple[str, ...], has: str) -> None:
    result = berth("estimate", *args, "--gpu", "A100-SXM4-80GB")
    assert result.returncode == 2
    assert has in result.stderr


@pytest.mark.parametrize(("method", "says"), [("lora", "in 16 bits; `method: qlora` then counts"), ("qlora", "name the original model, in 16 bits\n")])
def test_a_quantised_checkpoint_is_not_trained_from(method: str, says: str) -> None:
    result = berth("estimate", "--train", "openai/gpt-oss-20b", "--method", method, "--gpu", "A100-SXM4-80GB")
    assert result.returncode == 1 and says in result.stderr, result.stderr


def part(folder: Path, name: str, file: str, numbers: int, config: dict) -> None:
    """A part with the header of one tensor, and as many bytes behind it as that promises: a hole, no data."""
    (folder / name).mkdir(parents=True)
    header = json.dumps({"weight": {"dtype": "F16", "shape": [numbers], "data_offsets": [0, 2 * numbers]}}).encode()
    with (folder / name / file).open("wb") as f:
        f.write(len(header).to_bytes(8, "little") + header)
        f.truncate(8 + len(header) + 2 * numbers)
    (folder / name / "config.json").write_text(json.dumps(config))


@pytest.fixture
def sdxl(tmp_path: Path) -> Path:
    folder = tmp_path / "sdxl"
    part(folder, "unet", "diffusion_pytorch_model.safetensors", 2567463684, {"sample_size": 128, "in_channels": 4, "block_out_channels": [320, 640, 1280]})
    part(folder, "vae", "diffusion_pytorch_model.safetensors", 83653863, {"block_out_channels": [128, 256, 512, 512], "latent_channels": 4, "force_upcast": True})
    part(folder, "text_encoder", "model.safetensors", 123060480, {})
    part(folder, "text_encoder_2", "model.fp16.safetensors", 694659840, {})
    (folder / "scheduler").mkdir()
    (folder / "model_index.json").write_text(json.dumps({
        "_class_name": "StableDiffusionXLPipeline", "scheduler": ["diffusers", "EulerDiscreteScheduler"], "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"],
        "text_encoder": ["transformers", "CLIPTextModel"], "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"], "image_encoder": [None, None]}))
    return folder


def test_an_image_pipeline_from_its_parts(sdxl: Path) -> None:
    found = estimate("--diffusion", str(sdxl), "--dtype", "float16", "--batch", "4", "--gpu", "A100-SXM4-40GB")
    assert found["pipeline"]["parameters"] == 2567463684 + 83653863 + 123060480 + 694659840
    need = {line["part"]: 0 for line in found["ranks"][0]["need"]}
    for line in found["ranks"][0]["need"]:
        need[line["part"]] += line["bytes"]
    assert need["weights"] + need["encoder"] == 2 * found["pipeline"]["parameters"]
    assert abs((need["weights"] + need["encoder"] + need["activations"]) / 1e9 - 21.7) < 0.7      # four images on an A100, as published
    most = estimate("--diffusion", str(sdxl), "--dtype", "float16", "--batch", "auto", "--gpu", "RTX-4090")["job"]["batch"]
    assert most >= 1 and not estimate("--diffusion", str(sdxl), "--dtype", "float16", "--batch", str(most + 1), "--gpu", "RTX-4090", code=3)["fits"]


def test_an_image_pipeline_is_planned(sdxl: Path, tmp_path: Path) -> None:
    (tmp_path / "berth.yaml").write_text("name: art\nworkloads:\n  draw: {kind: service, command: [x], memory: {diffusion: ./sdxl, size: 512x512}}\n  other: {kind: service, command: [x], memory: 4GiB}\n")
    plan = json.loads(berth("plan", "--gpus", "1xRTX-4090", "--json", cwd=tmp_path).stdout)
    draw = next(i for i in plan["phases"][0]["instances"] if i["workload"] == "draw")
    assert draw["job"]["kind"] == "diffusion" and draw["ranks"][0]["bytes"] == draw["job"]["need_bytes"] < 12 * GIB


def test_a_pipeline_that_is_not_whole(sdxl: Path) -> None:
    (sdxl / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    result = berth("estimate", "--diffusion", str(sdxl), "--gpu", "RTX-4090")
    assert result.returncode == 1 and "vae" in result.stderr and "hf download" in result.stderr
    result = berth("estimate", "--diffusion", "stabilityai/none", "--gpu", "RTX-4090")
    assert result.returncode == 1 and "no pipeline" in result.stderr


def test_planned_beside_a_server(tmp_path: Path) -> None:
    (tmp_path / "berth.yaml").write_text(
        "name: tinker\nworkloads:\n"
        "  serve: {engine: vllm, model: meta-llama/Llama-3.2-1B, gpus: 4, memory: 40%}\n"
        "  train: {kind: service, command: [x], gpus: 4, memory: rest, share: {with: [serve]},\n"
        "          expects: {train: meta-llama/Llama-3.2-1B, method: lora, rank: 64, users: auto, batch: 4, tokens: 2048}}\n"
    )
    plan = json.loads(berth("plan", "--gpus", "4xA100-SXM4-80GB", "--json", cwd=tmp_path).stdout)
    train = next(i for i in plan["phases"][0]["instances"] if i["workload"] == "train")
    assert train["job"]["users"] >= 2
    for rank in train["ranks"]:
        assert sum(line["bytes"] for line in rank["need"]) == rank["bytes"]
        assert rank["bytes"] >= train["job"]["need_bytes"]
    explained = json.loads(berth("explain", "train", "--gpus", "4xA100-SXM4-80GB", "--json", cwd=tmp_path).stdout)["jobs"]
    assert [j["workload"] for j in explained] == ["train"]
    assert sum(line["bytes"] for line in explained[0]["need"]) == explained[0]["need_bytes"] == train["job"]["need_bytes"]
    assert "logits of the loss" in berth("explain", "--gpus", "4xA100-SXM4-80GB", cwd=tmp_path).stdout
    text = berth("plan", "--gpus", "4xA100-SXM4-80GB", cwd=tmp_path).stdout
    assert f"{train['job']['users']} users" in text


def test_a_video(tmp_path: Path) -> None:
    folder = tmp_path / "wan"
    part(folder, "transformer", "diffusion_pytorch_model.safetensors", 14_288_491_584, {"patch_size": [1, 2, 2], "num_attention_heads": 40, "attention_head_dim": 128, "in_channels": 16})
    part(folder, "vae", "diffusion_pytorch_model.safetensors", 126892531, {"base_dim": 96, "dim_mult": [1, 2, 4, 4], "z_dim": 16, "temperal_downsample": [False, True, True]})
    part(folder, "text_encoder", "model.safetensors", 5680910336, {})
    index = {"_class_name": "WanPipeline", "transformer": ["diffusers", "WanTransformer3DModel"], "vae": ["diffusers", "AutoencoderKLWan"], "text_encoder": ["transformers", "UMT5EncoderModel"]}
    (folder / "model_index.json").write_text(json.dumps(index))
    own, short, large = (estimate("--diffusion", str(folder), "--gpu", "H200", *more)["ranks"][0]["need_bytes"] for more in ((), ("--frames", "17"), ("--size", "1280x720")))
    assert short < own < large
    found = estimate("--diffusion", str(folder), "--frames", "33", "--gpu", "A100-SXM4-40GB", code=3)
    assert "--offload" in [way["flags"] for way in found["advice"]]
    assert estimate("--diffusion", str(folder), "--gpu", "A100-SXM4-40GB", "--frames", "33", "--offload")["fits"]
    assert berth("estimate", "--train", QWEN7, "--frames", "9", "--gpu", "H200").returncode == 2


def test_a_quantised_checkpoint_runs_as_it_is_stored() -> None:
    sixteen, four = (estimate("--generate", model, "--tokens", "2048", "--gpu", "RTX-4090")["ranks"][0] for model in (QWEN7, QWEN7 + "-AWQ"))
    weights = [sum(line["bytes"] for line in rank["need"] if line["part"] == "weights") for rank in (sixteen, four)]
    assert 0.3 < weights[1] / weights[0] < 0.45
    assert [line["bytes"] for line in sixteen["need"] if line["part"] == "kv"] == [line["bytes"] for line in four["need"] if line["part"] == "kv"]
    result = berth("estimate", "--train", QWEN7 + "-AWQ", "--gpu", "RTX-4090")
    assert result.returncode != 0 and "training" in result.stderr
