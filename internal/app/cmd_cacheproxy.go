package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"github.com/redis/go-redis/v9"

	"openlearn/internal/cache"
	"openlearn/internal/cache/httpcache"
	"openlearn/internal/cache/httpcache/proxy"
	"openlearn/internal/devstack"
)

const cacheProxyHelp = `Forwards every request to --upstream and stores what RFC 9111 lets a shared cache store, Set-Cookie included. Responses are
kept in the Redis that REDIS_URL (or REDIS_HOST and the like) names, or with --private-redis in one of this process's own.`

func cacheProxyFlags(fs *flag.FlagSet) {
	fs.String("upstream", "", "origin to forward to, such as http://127.0.0.1:8000")
	fs.String("listen", "127.0.0.1:8090", "address to listen on")
	fs.Bool("private-redis", false, "start a Redis for this process alone, gone when it ends")
}

// runCacheProxy is the HTTP cache in front of any upstream: the harness of the conformance suite, and a caching reverse
// proxy for people.
func runCacheProxy(ctx context.Context, c *call) (err error) {
	upstream, err := url.Parse(c.flags.Lookup("upstream").Value.String())
	if err != nil || upstream.Host == "" || upstream.Scheme != "http" && upstream.Scheme != "https" {
		return usageError{"cache-proxy: --upstream must be an http or https address such as http://127.0.0.1:8000"}
	}
	log := NewConsoleLogger(c.stderr, envOr("LOG_LEVEL", "warn"))
	ro, stopRedis, err := cacheProxyRedis(ctx, c.flags.Lookup("private-redis").Value.String() == "true")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopRedis()) }()
	client := redis.NewClient(ro)
	defer func() { err = errors.Join(err, client.Close()) }()
	engine, err := cache.New(cache.Options{Redis: client, Layers: httpcache.Layers(), Logger: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	if err := engine.Start(ctx); err != nil {
		return err
	}
	cached, err := proxy.New(reverseProxy(upstream), proxy.Options{
		Store: proxy.NewStore(engine), Logger: log, Name: cacheName, Targets: []string{"OpenLearn-Cache-Control", "CDN-Cache-Control"},
	})
	if err != nil {
		return err
	}
	defer cached.Close()
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", c.flags.Lookup("listen").Value.String())
	if err != nil {
		return fmt.Errorf("cache-proxy: %w", err)
	}
	fmt.Fprintf(c.stdout, "caching %s on http://%s\n", upstream, l.Addr())
	srv := &http.Server{Handler: cached, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	return serveUntil(ctx, limitConnections(srv, l, mostConnections), srv)
}

// cacheProxyRedis is the Redis to use and how to stop it.
func cacheProxyRedis(ctx context.Context, private bool) (*redis.Options, func() error, error) {
	if !private {
		ro, err := redisFromEnvironment()
		return ro, func() error { return nil }, err
	}
	server, err := devstack.StartRedis(ctx, devstack.RedisOptions{Settings: []string{"appendonly no", `save ""`}})
	if err != nil {
		return nil, nil, err
	}
	stop := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return server.Stop(ctx)
	}
	ro, err := redis.ParseURL(server.URL())
	if err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	return ro, stop, nil
}

// redisFromEnvironment needs only Redis's address from the service's environment.
func redisFromEnvironment() (*redis.Options, error) {
	var cfg redisConfig
	if err := loadParts(&cfg); err != nil {
		return nil, usageError{err.Error()}
	}
	ro, err := cfg.options()
	if err != nil {
		return nil, usageError{err.Error()}
	}
	return ro, nil
}

// reverseProxy forwards to one upstream and tells the cache when the upstream cannot be reached.
func reverseProxy(upstream *url.URL) http.Handler {
	return &httputil.ReverseProxy{
		Transport: proxy.Transport(),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(upstream)
			r.Out.Host = r.In.Host
			r.SetXForwarded()
			r.Out.Header.Add("Via", "1.1 openlearn") // RFC 9110 §7.6.3
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			proxy.UpstreamFailed(w, err)
			w.Header().Set("Cache-Control", "no-store")
			http.Error(w, http.StatusText(http.StatusBadGateway), http.StatusBadGateway)
		},
		FlushInterval: -1, // streams are passed on as they arrive
	}
}

// serveUntil serves until ctx ends, then lets requests in flight finish.
func serveUntil(ctx context.Context, l net.Listener, srv *http.Server) error {
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := srv.Shutdown(drain)
	if e := <-failed; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}
