"""think.py [--draft URL --target URL] QUESTION - a small model thinks, a large one answers with the thoughts before it.

Without URLs, those of the project `thinking` that is up (`berth ps --json`). Standard library only."""

import argparse
import json
import subprocess
import sys
import urllib.error
import urllib.request

OPEN = urllib.request.build_opener(urllib.request.ProxyHandler({})).open     # the servers are on this machine


def urls() -> dict[str, str]:
    """Workload -> URL, of what berth runs."""
    said = subprocess.run(["berth", "ps", "--json", "thinking"], capture_output=True, text=True, check=False)
    if said.returncode:
        sys.exit(f"think.py: {said.stderr.strip() or 'berth ps failed'}: bring it up first, or give --draft and --target")
    return {row["workload"]: row["endpoint"]["http"] for row in json.loads(said.stdout)["instances"] if row["endpoint"] and row["state"] == "ready"}


def ask(url: str, messages: list[dict[str, str]], tokens: int) -> str:
    try:
        model = json.load(OPEN(f"{url}/v1/models"))["data"][0]["id"]
        body = json.dumps({"model": model, "messages": messages, "max_tokens": tokens}).encode()
        answer = json.load(OPEN(urllib.request.Request(f"{url}/v1/chat/completions", body, {"Content-Type": "application/json"})))
    except urllib.error.URLError as why:
        sys.exit(f"think.py: {url}: {why}")
    return answer["choices"][0]["message"]["content"].strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draft")
    parser.add_argument("--target")
    parser.add_argument("question")
    o = parser.parse_args()
    known = {} if o.draft and o.target else urls()
    draft, target = o.draft or known.get("draft"), o.target or known.get("target")
    if not draft or not target:
        sys.exit("think.py: draft and target are not both ready: berth ps")
    question = {"role": "user", "content": o.question}
    thoughts = ask(draft, [{"role": "system", "content": "Think step by step, in short notes. Do not answer."}, question], 256)
    print(f"thinking (draft): {thoughts}\n")
    print("answer (target):", ask(target, [{"role": "system", "content": f"Notes of a colleague, to be checked:\n{thoughts}"}, question], 512))


main()
