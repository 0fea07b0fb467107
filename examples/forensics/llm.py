"""llm - ask a server that speaks OpenAI's chat completions, with the standard library alone."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import Any

TIMEOUT_S = 120
MAX_REPLY_BYTES = 4 << 20


class LlmError(Exception):
    """The server did not answer as it should; the message says to what."""


class Llm:
    """`url` is the server's root, like http://127.0.0.1:8000. No proxy is asked: the server is on this machine."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/").removesuffix("/v1")
        if not self.url.startswith(("http://", "https://")):
            raise LlmError(f"'{url}' is not the URL of a server (try --llm http://127.0.0.1:8000)")
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        models = self._call("/v1/models")
        try:
            self.model = str(models["data"][0]["id"])
        except (KeyError, IndexError, TypeError):
            raise LlmError(f"GET {self.url}/v1/models names no model") from None

    def ask(self, system: str, question: str, max_tokens: int) -> str:
        messages = [{"role": "system", "content": system}, {"role": "user", "content": question}]
        reply = self._call("/v1/chat/completions", {"model": self.model, "messages": messages, "max_tokens": max_tokens, "temperature": 0})
        try:
            return str(reply["choices"][0]["message"]["content"] or "")
        except (KeyError, IndexError, TypeError):
            raise LlmError(f"POST {self.url}/v1/chat/completions: a reply without a message") from None

    def _call(self, path: str, body: dict[str, object] | None = None) -> dict[str, Any]:
        verb, url = ("POST" if body else "GET"), self.url + path
        data = json.dumps(body).encode() if body else None
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as reply:
                answer = json.loads(reply.read(MAX_REPLY_BYTES))
        except urllib.error.HTTPError as why:
            said = why.read(300).decode(errors="replace")
            raise LlmError(f"{verb} {url}: HTTP {why.code}: {printable(said, 200)}") from None
        except urllib.error.URLError as why:
            raise LlmError(f"{verb} {url}: {why.reason} (is the server up? `berth ps` shows its address)") from None
        except (OSError, http.client.HTTPException) as why:
            raise LlmError(f"{verb} {url}: {why or type(why).__name__}") from None
        except ValueError:
            raise LlmError(f"{verb} {url}: the reply is not JSON") from None
        if not isinstance(answer, dict):
            raise LlmError(f"{verb} {url}: the reply is not a JSON object")
        return answer


def printable(text: str, most: int) -> str:
    """One line that is safe to print: a model's text may hold anything."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= most else line[: most - 3] + "..."
