"""A certificate authority for one test, made with openssl."""
import os
import ssl
import subprocess


class Certificate:
    def __init__(self, cert, key):
        self.cert, self.key = cert, key


class Authority:
    """Issues certificates below `directory`; `ca` is the file to trust."""

    def __init__(self, directory, name="Test CA"):
        os.makedirs(directory, exist_ok=True)
        self.directory = directory
        self.ca, self.key = os.path.join(directory, "ca.pem"), os.path.join(directory, "ca.key")
        _openssl("req", "-x509", *_new_key(self.key), "-out", self.ca, "-days", "30", "-subj", "/CN=" + name,
                 "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")

    def issue(self, name, alternative="IP:127.0.0.1,DNS:localhost", days=30):
        cert, key, request, extensions = (os.path.join(self.directory, name + end) for end in (".pem", ".key", ".csr", ".ext"))
        _openssl("req", "-new", *_new_key(key), "-out", request, "-subj", "/CN=" + name)
        with open(extensions, "w") as out:
            out.write("subjectAltName=%s\nextendedKeyUsage=serverAuth\n" % alternative)
        _openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.key, "-CAcreateserial", "-out", cert,
                 "-days", str(days), "-extfile", extensions)
        return Certificate(cert, key)

    def context(self):
        """For a client that trusts this authority alone."""
        return ssl.create_default_context(cafile=self.ca)


def _new_key(path):
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path]


def _openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError("openssl %s: %s" % (arguments[0], done.stderr))
