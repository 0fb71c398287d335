// Package deploy holds the configuration of a deployment, and embeds the parts that the binary needs.
package deploy

import _ "embed"

// RedisConf is redis.conf, which compose and the private Redis of `openlearn dev` both start from.
//
//go:embed redis.conf
var RedisConf string
