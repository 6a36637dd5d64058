"""The door for incoming mail: SMTP or LMTP, behind the fund's mail server. It knows bytes and addresses only.

A mail is on the disk, synced, and its row committed before "250" is said; refused, it is told why in the words
of RFC 3463. However large a mail is, the door holds a few lines of it in memory at a time.
"""

import asyncio
import hashlib
import logging
import os
import socket
import uuid
from asyncio.sslproto import SSLProtocol  # noqa: F401 - aiosmtpd looks it up on asyncio.sslproto
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.db import DatabaseError
from django.db import Error as DatabaseTrouble

from caisse.fund.casework.intake.addresses import is_ours
from caisse.fund.exchange.doors.threads import DatabaseThreads
from caisse.fund.exchange.store import StagedFile, Store
from caisse.fund.home import Home
from caisse.fund.mail_config import MailConfig
from caisse.fund.notices.incoming import receive_mail

log = logging.getLogger("caisse.mail")
