"""The certificate of a plugin's process. The curve is P-256, which every TLS library offers.

The host starts plugins with mutual TLS and a certificate on the curve P-521. gRPC's C core, which gRPC for Python uses,
refuses that curve, so the host's certificate is not requested. The host still authenticates the plugin, by the certificate
in the handshake line. The folder of the socket, which only the user may enter, keeps other users away from the plugin.
"""

from __future__ import annotations

import base64
import datetime
import os
import stat

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


class Certificate:
    """Certificate is a new certificate for localhost with its key."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = datetime.datetime.now(datetime.timezone.utc)
        made = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5)).not_valid_after(now + datetime.timedelta(days=3650))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(key, hashes.SHA256()))
        self.pem = made.public_bytes(serialization.Encoding.PEM)
        self.key = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        # As in the handshake line: DER in base64 without padding.
        self.handshake = base64.b64encode(made.public_bytes(serialization.Encoding.DER)).rstrip(b"=").decode()


def check_folder(path: str) -> None:
    """check_folder refuses a folder for the socket that other users may enter."""
    st = os.lstat(path)
    if not stat.S_ISDIR(st.st_mode) or st.st_uid != os.getuid() or st.st_mode & 0o077:
        raise PermissionError(f"{path}: the folder of the socket must belong to the user and be closed to others (mode 0700)")
