"""generate - have a model write texts, one per prompt, into OUT/texts.jsonl. A text that is there already is not asked for again.

Standard library only, so that it runs anywhere; a real set-up would use the openai package, in the same way.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

SUBJECTS = ["a lighthouse", "the first snow", "a lost key", "an old map", "the night train", "a broken clock", "bread", "the harbour"]


def call(url: str, body: dict | None = None) -> dict:
    request = urllib.request.Request(url, json.dumps(body).encode() if body else None, {"Content-Type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))        # the server is on this machine
    try:
        with opener.open(request, timeout=120) as answer:
            return json.load(answer)
    except (urllib.error.URLError, OSError, ValueError) as why:
        sys.exit(f"generate: {url}: {why} (is the server up? `berth ps`)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base-url", required=True, help="the server's root, http://127.0.0.1:8000")
    parser.add_argument("--out", type=Path, default=Path("out"))
    parser.add_argument("--texts", type=int, default=int(os.environ.get("ACTIVATIONS_TEXTS", 32)))
    parser.add_argument("--tokens", type=int, default=64)
    args = parser.parse_args()
    file = args.out / "texts.jsonl"
    args.out.mkdir(parents=True, exist_ok=True)
    there = len(file.read_text().splitlines()) if file.exists() else 0
    model = call(f"{args.base_url}/v1/models")["data"][0]["id"]
    with file.open("a") as out:
        for number in range(there, args.texts):
            prompt = f"Write a few sentences about {SUBJECTS[number % len(SUBJECTS)]}. ({number})"
            answer = call(f"{args.base_url}/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": prompt}], "max_tokens": args.tokens})
            out.write(json.dumps({"number": number, "prompt": prompt, "text": answer["choices"][0]["message"]["content"]}) + "\n")
            out.flush()
    print(f"generate: {args.texts - there} new texts, {args.texts} in {file}")


main()
