"""A schema registry that knows two questions, for tests: register a schema, and read one by its id."""

import argparse
import base64
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SCHEMAS = []


class Handler(BaseHTTPRequestHandler):
    credentials = None

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def allowed(self):
        if self.credentials is None:
            return True
        expected = "Basic " + base64.b64encode(self.credentials.encode()).decode()
        return self.headers.get("Authorization") == expected

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.allowed():
            return self.answer(401, {"error_code": 401, "message": "Unauthorized"})
        subject = self.path.split("/")[2]
        if subject.startswith("incompatible"):
            return self.answer(409, {"error_code": 409, "message": "incompatible with an earlier schema"})
        known = [s for s in SCHEMAS if s == (subject, body["schema"])]
        if not known and not self.path.endswith("/versions"):
            return self.answer(404, {"error_code": 40403, "message": "Schema not found"})
        if not known:
            SCHEMAS.append((subject, body["schema"]))
        return self.answer(200, {"id": SCHEMAS.index((subject, body["schema"])) + 1})

    def do_GET(self):
        path = self.path.split("?")[0]
        if not path.startswith("/schemas/ids/"):
            return self.answer(404, {"error_code": 404, "message": "HTTP 404 Not Found"})
        number = int(path.rsplit("/", 1)[1])
        return self.answer(200, {"schema": SCHEMAS[number - 1][1]})

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--credentials", help="user:password")
    options = parser.parse_args()
    Handler.credentials = options.credentials
    server = ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
