"""Messages of many shapes, for the scenarios that compare answers."""

PLAIN = b"""From: "Doe, Jane (x)" <jane@example.org>
To: a@example.org, "B \\"q\\" \\\\ C" <b@example.org>
Cc: undisclosed-recipients:;
Bcc: hidden@example.org
Reply-To: Group: x@example.org, y@example.org;
Subject: plain words
Date: Mon, 02 Nov 2026 10:00:00 +0100
Message-ID: <plain@example.org>
In-Reply-To: <other@example.org>
X-Id: plain
X-Long: one
 two
\tthree

A plain body.
With two lines, an apple and (parentheses) {12}
"""

MULTIPART = b"""From: sender@example.org
To: receiver@example.org
Subject: =?utf-8?q?three_parts_=C3=A4?=
Date: Tue, 03 Nov 2026 11:00:00 +0000
Message-ID: <multi@example.org>
X-Id: multi
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer"

preamble
--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=utf-8; format=flowed
Content-Transfer-Encoding: 8bit

the plain \xc3\xa4 alternative
--inner
Content-Type: text/html
Content-Transfer-Encoding: quoted-printable
Content-ID: <html@example.org>
Content-Description: the "html" one
Content-Language: de, en
Content-Location: http://example.org/

<p>the html alternative</p>
--inner--
--outer
Content-Type: application/octet-stream; name="a b.bin"
Content-Disposition: attachment; filename="a b.bin"; size=4
Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==
Content-Transfer-Encoding: base64

AAECAw==
--outer
Content-Type: message/rfc822

From: inner@example.org
To: "inner receiver" <receiver@example.org>
Subject: an inner message
Date: Wed, 04 Nov 2026 12:00:00 +0000
Content-Type: multipart/mixed; boundary=deep

--deep

deep one
--deep
Content-Type: text/plain

deep two
--deep--
--outer--
epilogue
"""

NO_HEADER = b"""
Only a body: apple.
"""

NO_BODY = b"""Subject: only a header
X-Id: nobody
Date: Thu, 05 Nov 2026 13:00:00 +0000

"""

EIGHT_BIT = b"""From: J\xc3\xb6rg <joerg@example.org>
Subject: raw 8-bit \xe4\xf6\xfc in the header
X-Id: eightbit
Date: this is no date

latin \xe4 and a lone \x80
"""

NIL_WORDS = b"""From: NIL <nil@example.org>
Subject: NIL
To: "NIL" <NIL@NIL>
X-Id: nil
Content-Type: text/plain; name=NIL; charset="NIL"
Date: Fri, 06 Nov 2026 14:00:00 +0000

NIL
"""

BROKEN_MIME = b"""Subject: broken mime
X-Id: broken
Content-Type: multipart/mixed; boundary="never"
Date: Sat, 07 Nov 2026 15:00:00 +0000

no boundary ever comes
"""

SHAPES = [message.replace(b"\n", b"\r\n") for message in
          (PLAIN, MULTIPART, NO_HEADER, NO_BODY, EIGHT_BIT, NIL_WORDS, BROKEN_MIME)]
