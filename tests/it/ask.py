"""ask URL - one chat completion from the server there; its words on stdout."""

import json
import sys
import urllib.request

url = sys.argv[1]
model = json.load(urllib.request.urlopen(f"{url}/v1/models"))["data"][0]["id"]
body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 8}).encode()
answer = json.load(urllib.request.urlopen(urllib.request.Request(f"{url}/v1/chat/completions", body, {"Content-Type": "application/json"})))
print(answer["choices"][0]["message"]["content"])
