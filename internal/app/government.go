package app

import "openlearn/internal/government"

// openGovernment makes the service of open data. The rates of its requests are in Redis: they count for all instances.
func (c *core) openGovernment() (err error) {
	c.OpenData, err = government.NewService(government.Options{
		Config: c.cfg.OpenData, Cache: c.cache, Redis: c.redis, Registerer: c.registry, Logger: c.log, Tune: c.cfg.testing.upstreams,
	})
	if err != nil {
		return err
	}
	c.closers.add(c.OpenData.Close)
	return nil
}
