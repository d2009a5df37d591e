"""A small Route 53 client: one signed request (Signature Version 4) over HTTP, quick enough for many
in one process, and with a retry token of the caller's choice. boto3 is tested in tests/e2e/clients."""
import datetime
import hashlib
import hmac
import html
import http.client
import re
import urllib.parse

SPACE = "https://route53.amazonaws.com/doc/2013-04-01/"
SCOPE = ("us-east-1", "route53", "aws4_request")
VALUE = re.compile(r"<Value>(.*?)</Value>")


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class Client:
    """Bound to one access key; stateless otherwise, so threads may share it."""

    def __init__(self, access_key, secret):
        self.access_key, self.secret = access_key, secret

    def _signature(self, time_text, canonical):
        day = time_text[:8]
        text = "\n".join(["AWS4-HMAC-SHA256", time_text, "/".join([day, *SCOPE]),
                          hashlib.sha256(canonical.encode()).hexdigest()])
        key = _hmac(b"AWS4" + self.secret.encode(), day)
        for part in SCOPE:
            key = _hmac(key, part)
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    def headers(self, host, method, path, query, body):
        time_text = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        canonical = "\n".join([method, path, query, f"host:{host}", f"x-amz-date:{time_text}", "",
                               "host;x-amz-date", hashlib.sha256(body.encode()).hexdigest()])
        scope = "/".join([time_text[:8], *SCOPE])
        return {"Host": host, "X-Amz-Date": time_text, "Authorization":
                f"AWS4-HMAC-SHA256 Credential={self.access_key}/{scope}, SignedHeaders=host;"
                f"x-amz-date, Signature={self._signature(time_text, canonical)}"}

    def ask(self, host, method, path, query=None, body="", token="", timeout_s=5):
        """(status, body); OSError or HTTPException when no whole answer came."""
        query = urllib.parse.urlencode(sorted((query or {}).items()), quote_via=urllib.parse.quote)
        headers = self.headers(host, method, path, query, body)
        if token:
            headers["amz-sdk-invocation-id"] = token
        connection = http.client.HTTPConnection(host, timeout=timeout_s)
        try:
            connection.request(method, path + ("?" + query if query else ""), body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def upsert_txt(self, host, zone_id, name, value, token, timeout_s=5):
        """Make @name a TXT record of @value, with the value as comment; what ask() returns."""
        body = (f'<ChangeResourceRecordSetsRequest xmlns="{SPACE}"><ChangeBatch>'
                f"<Comment>{value}</Comment><Changes><Change><Action>UPSERT</Action>"
                f"<ResourceRecordSet><Name>{name}</Name><Type>TXT</Type><TTL>1</TTL>"
                f'<ResourceRecords><ResourceRecord><Value>"{value}"</Value></ResourceRecord>'
                f"</ResourceRecords></ResourceRecordSet></Change></Changes></ChangeBatch>"
                f"</ChangeResourceRecordSetsRequest>")
        return self.ask(host, "POST", f"/2013-04-01/hostedzone/{zone_id}/rrset", None, body, token,
                        timeout_s)

    def read_txt(self, host, zone_id, name, timeout_s=5):
        """The value of the TXT record @name; None when no good answer came."""
        status, text = self.ask(host, "GET", f"/2013-04-01/hostedzone/{zone_id}/rrset",
                                {"name": name, "type": "TXT", "maxitems": "1"}, "", "", timeout_s)
        found = VALUE.search(text) if status == 200 else None
        return html.unescape(found.group(1)).strip('"') if found else None
