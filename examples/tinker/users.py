"""users - several users at once: each has the server write with its own adapter, has the adapter trained on that, loads it, and writes again.

Without --train the users only sample, from the model itself. Standard library only; a real client would use the openai package for the sampling.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import urllib.error
import urllib.request

NAMES = ["ada", "ben", "cleo", "dan", "eve", "finn", "gwen", "hal"]
SUBJECTS = ["a lighthouse", "the first snow", "a lost key", "an old map"]


class Failed(Exception):
    """A server did not do what was asked; the message says which, what and why."""


def call(url: str, body: dict | None = None) -> object:
    request = urllib.request.Request(url, json.dumps(body).encode() if body is not None else None, {"Content-Type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))        # the servers are on this machine
    try:
        with opener.open(request, timeout=300) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as why:
        raise Failed(f"{url}: {why.code}: {why.read().decode(errors='replace')[:300]}") from None
    except (OSError, ValueError) as why:
        raise Failed(f"{url}: {why} (is it up? `berth ps`)") from None


class User(threading.Thread):
    def __init__(self, name: str, serve: str, train: str | None, base: str, rounds: int) -> None:
        super().__init__()
        self.user, self.serve, self.train, self.model, self.rounds = name, serve, train, base, rounds
        self.tokens, self.step, self.loss, self.why = 0, 0, [0.0, 0.0], ""

    def run(self) -> None:
        try:
            text = self.sample(0)
            for number in range(1, self.rounds + 1):
                if self.train:
                    self.retrain(text)
                text = self.sample(number)
        except Failed as why:
            self.why = str(why)

    def sample(self, number: int) -> str:
        """With the adapter once there is one. It has the user's name, so that asking for it is asking for a model."""
        prompt = f"{self.user} would like a few sentences about {SUBJECTS[number % len(SUBJECTS)]}."
        answer = call(f"{self.serve}/v1/chat/completions", {"model": self.model, "messages": [{"role": "user", "content": prompt}], "max_tokens": 64})
        self.tokens += answer["usage"]["completion_tokens"]
        return answer["choices"][0]["message"]["content"]

    def retrain(self, text: str) -> None:
        made = call(f"{self.train}/train", {"user": self.user, "texts": [text], "steps": 20})
        self.step, self.loss = made["step"], made["loss"]
        call(f"{self.serve}/v1/load_lora_adapter", {"lora_name": self.user, "lora_path": made["adapter"], "load_inplace": True})
        self.model = self.user


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--serve", required=True, help="the vLLM server's root, http://127.0.0.1:8000")
    parser.add_argument("--train", help="train.py's root")
    parser.add_argument("--users", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    if not 1 <= args.users <= len(NAMES):
        sys.exit(f"users: --users {args.users}: there are names for 1 to {len(NAMES)}")
    try:
        base = call(f"{args.serve}/v1/models")["data"][0]["id"]
    except Failed as why:
        sys.exit(f"users: {why}")
    users = [User(name, args.serve, args.train, base, args.rounds) for name in NAMES[:args.users]]
    for user in users:
        user.start()
    for user in users:
        user.join()
    print(f"{'user':<6}  {'model':<8}  {'tokens':>6}  {'steps':>5}  last loss, before and after")
    for user in users:
        print(f"{user.user:<6}  {user.model:<8}  {user.tokens:>6}  {user.step:>5}  " + (user.why or (f"{user.loss[0]:.3f} -> {user.loss[1]:.3f}" if args.train else "not trained")))
    sys.exit(any(user.why for user in users))


main()
