"""A certificate authority for one test, made with openssl."""
import os
import ssl
import subprocess

BOOK = """[ca]
default_ca = own
[own]
database = %(index)s
new_certs_dir = %(directory)s
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
[any]
commonName = supplied
"""


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

    def issue(self, name, alternative="IP:127.0.0.1,DNS:localhost", years=None):
        """years: (first, last) of its life, both whole; 30 days from now without."""
        cert, key, request, extensions = (os.path.join(self.directory, name + end) for end in (".pem", ".key", ".csr", ".ext"))
        _openssl("req", "-new", *_new_key(key), "-out", request, "-subj", "/CN=" + name)
        with open(extensions, "w") as out:
            out.write("subjectAltName=%s\nextendedKeyUsage=serverAuth\n" % alternative)
        if years:
            _openssl("ca", "-batch", "-notext", "-config", self._book(), "-in", request, "-cert", self.ca, "-keyfile", self.key,
                     "-out", cert, "-startdate", "%d0101000000Z" % years[0], "-enddate", "%d1231235959Z" % years[1],
                     "-extfile", extensions)
        else:
            _openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.key, "-CAcreateserial", "-out", cert,
                     "-days", "30", "-extfile", extensions)
        return Certificate(cert, key)

    def _book(self):
        """The settings of `openssl ca`, which alone dates a certificate as it is told."""
        book, index = os.path.join(self.directory, "book.cnf"), os.path.join(self.directory, "index")
        with open(index, "w"):
            pass
        with open(book, "w") as out:
            out.write(BOOK % {"index": index, "directory": self.directory})
        return book

    def context(self):
        """For a client that trusts this authority alone."""
        return ssl.create_default_context(cafile=self.ca)


def self_signed(directory, name="self", alternative="IP:127.0.0.1,DNS:localhost"):
    os.makedirs(directory, exist_ok=True)
    cert, key = (os.path.join(directory, name + end) for end in (".pem", ".key"))
    _openssl("req", "-x509", *_new_key(key), "-out", cert, "-days", "30", "-subj", "/CN=" + name,
             "-addext", "subjectAltName=" + alternative)
    return Certificate(cert, key)


def _new_key(path):
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path]


def _openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError("openssl %s: %s" % (arguments[0], done.stderr))
