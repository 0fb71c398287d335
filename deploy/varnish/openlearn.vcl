vcl 4.1;

# Varnish in front of OpenLearn, holding answers until their tags are purged. It needs varnish-modules (xkey, var); see
# docs/operations.md, "Behind a CDN". In the service: CACHE_TAGS=on, CDN_MAX_AGE=1h, CACHE_PURGE_URL=http://this:6081/-/purge
# and CACHE_PURGE_SECRET (which Varnish does not check: the list below says who may purge).

import std;
import var;
import xkey;

backend default {
    .host = "127.0.0.1";
    .port = "8000";
}

# Who may purge: the service's own addresses, and nobody else's.
acl purgers {
    "127.0.0.1";
    "::1";
}

sub vcl_recv {
    if (req.url == "/-/purge") {
        if (client.ip !~ purgers || req.method != "POST") {
            return (synth(403));
        }
        # First the time, then the purge: see vcl_backend_response.
        var.global_set("purged", std.time2real(now, 0.0));
        return (synth(200, "Purged " + xkey.purge(req.http.Surrogate-Key)));
    }
    # The service believes what these say of the client only if TRUSTED_PROXIES lists this Varnish.
    unset req.http.Forwarded;
    if (req.method != "GET" && req.method != "HEAD") {
        return (pass);
    }
    # Whoever says who they are gets an answer of their own.
    if (req.http.Authorization || req.http.X-API-Key || req.http.Cookie ~ "(^|; *)access_token=") {
        return (pass);
    }
    # No other cookie matters to the API; the console, and whatever it may be that the service does not tag, is passed on as it is.
    if (req.url !~ "^/api/") {
        return (pass);
    }
    unset req.http.Cookie;
    return (hash);
}

sub vcl_backend_fetch {
    var.set_real("began", std.time2real(now, 0.0));
}

sub vcl_backend_response {
    # The fields of CDNs decide; what says nothing there is not held, whatever Cache-Control says to clients.
    if (beresp.http.CDN-Cache-Control ~ "max-age=[0-9]+" && beresp.http.Surrogate-Key && !beresp.http.Set-Cookie) {
        set beresp.ttl = std.duration(regsub(beresp.http.CDN-Cache-Control, "^.*max-age=([0-9]+).*$", "\1") + "s", 0s) - beresp.age;
        # What has expired is not served while a new answer is fetched, but it may be confirmed by a 304.
        set beresp.grace = 0s;
        set beresp.keep = 1h;
        set beresp.http.xkey = beresp.http.Surrogate-Key;
        # An answer that was on its way while something was purged may be older than what was purged, and would be held although its
        # purge is over.
        if (std.real(var.global_get("purged"), 0.0) >= var.get_real("began")) {
            set beresp.ttl = 0s;
            set beresp.keep = 0s;
        }
        return (deliver);
    }
    set beresp.grace = 0s;
    if (beresp.ttl <= 0s || beresp.http.Cache-Control ~ "(?i)no-cache|no-store|private" || beresp.http.Set-Cookie) {
        # Passed on for a moment without waiting for each other; a later answer that may be held replaces this.
        set beresp.ttl = 10s;
        set beresp.uncacheable = true;
    }
    return (deliver);
}

sub vcl_deliver {
    unset resp.http.xkey;
    unset resp.http.Surrogate-Key;
    unset resp.http.Cache-Tag;
    unset resp.http.Edge-Cache-Tag;
    unset resp.http.CDN-Cache-Control;
    if (obj.hits > 0) {
        set resp.http.Cache-Status = resp.http.Cache-Status + ", varnish; hit; ttl=" + regsub(obj.ttl, "\..*$", "");
    } else {
        set resp.http.Cache-Status = resp.http.Cache-Status + ", varnish; fwd=miss";
    }
}
