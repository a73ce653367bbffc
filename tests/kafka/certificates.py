"""Makes the certificates of the TLS tests in a directory: two CAs, servers (good, wrong host, expired, of the other CA), clients."""

import datetime
import ipaddress
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = datetime.timedelta(days=1)


def make(name, issuer=None, host=None, until=NOW + 30 * DAY, is_ca=False):
    """A certificate and its key; `issuer` is another such pair, none for self-signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer_name, issuer_key = (issuer[0].subject, issuer[1]) if issuer else (subject, key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 10 * DAY)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    )
    if host:
        builder = builder.add_extension(x509.SubjectAlternativeName([host]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256()), key


def write(directory, name, pair):
    certificate, key = pair
    (directory / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    text = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    (directory / f"{name}.key").write_bytes(text)


def main(directory):
    local = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    ca = make("test CA", is_ca=True)
    write(directory, "ca", ca)
    other = make("another CA", is_ca=True)
    write(directory, "other-ca", other)
    write(directory, "server", make("broker", ca, local))
    write(directory, "wrong-host", make("broker", ca, x509.DNSName("kafka.example")))
    write(directory, "expired", make("broker", ca, local, until=NOW - DAY))
    write(directory, "other-server", make("broker", other, local))
    write(directory, "client", make("client", ca))
    write(directory, "other-client", make("client", other))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
