// Package deploy holds what a deployment configures, and embeds what the binary needs of it.
package deploy

import _ "embed"

// RedisConf is redis.conf, which compose and the private Redis of `openlearn dev` both start from.
//
//go:embed redis.conf
var RedisConf string
