"""A keytab made of a password, as `ktutil` makes one: AES256, whose salt is the realm and the account's name."""

import hashlib
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

AES256 = 18
_ITERATIONS = 4096
_FOLDED_KERBEROS = bytes.fromhex("6b65726265726f737b9b5b2b93132b93")
"""128-fold of "kerberos" (RFC 3961, appendix A.1)."""


def aes256_key(password: str, salt: str) -> bytes:
    """Give the key of a password (RFC 3962, section 4)."""
    seed = hashlib.pbkdf2_hmac("sha1", password.encode(), salt.encode(), _ITERATIONS, 32)
    cipher = Cipher(algorithms.AES256(seed), modes.CBC(bytes(16)))

    def encrypted(block: bytes) -> bytes:
        encryptor = cipher.encryptor()
        return encryptor.update(block) + encryptor.finalize()

    first = encrypted(_FOLDED_KERBEROS)
    return first + encrypted(first)


def keytab(account: str, realm: str, password: str) -> bytes:
    """Give a keytab of one account (MIT's keytab format, version 2). The salt of a user of AD is REALM + name."""
    key = aes256_key(password, f"{realm}{account}")
    texts = b"".join(struct.pack(">H", len(text)) + text.encode() for text in (realm, account))
    entry = struct.pack(">H", 1) + texts + struct.pack(">IIBHH", 1, 0, 1, AES256, len(key)) + key
    return b"\5\2" + struct.pack(">i", len(entry)) + entry
