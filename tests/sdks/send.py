"""What a customer's server in Python sends with Segment's own package, pointed at michi by its host alone."""

import os
import sys
from datetime import datetime, timedelta, timezone

from segment.analytics.client import Client


def sending(write_key, send, gzip):
    failed = []
    client = Client(write_key, host=os.environ["HOST"], gzip=gzip, on_error=lambda error, _: failed.append(error))
    send(client)
    client.shutdown()
    for error in failed:
        print(error, file=sys.stderr)
    return not failed


def server(client):
    """The secret key: a user by a user id alone."""
    user = "python-user"
    traits = {
        "email": "python@acme.example",
        "firstName": "Ann",
        "lastName": "Lee",
        "company": {"name": "Acme", "employees": 120},
    }
    client.identify(user, traits)
    client.page(user, name="Pricing", properties={"url": "https://www.example.com/pricing", "title": "Pricing"})
    client.track(user, "Plan Chosen", {"plan": "team", "seats": 20})
    # michi has no use for groups; that spoils nothing else of the batch.
    client.group(user, "acme")


def site(client):
    """The public key: a browser's id, as if the site's server told what its pages do."""
    page = {"url": "https://www.example.com/cases/kansai", "title": "導入事例"}
    client.page(anonymous_id="python-browser", properties=page)
    minute_ago = datetime.now(timezone.utc) - timedelta(minutes=1)
    client.track(anonymous_id="python-browser", event="Video Watched", timestamp=minute_ago)


done = [sending(os.environ["SERVER_KEY"], server, gzip=True), sending(os.environ["SITE_KEY"], site, gzip=False)]
sys.exit(0 if all(done) else 1)
