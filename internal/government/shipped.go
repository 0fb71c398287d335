package government

import (
	_ "embed"
	"strings"
	"sync"
)

// shippedPlaces is DANE's table as it was when it was copied; its head names source and licence.
//
//go:embed divipola.tsv
var shippedPlaces string

// Shipped are the places that ship with the program, by code.
var Shipped = sync.OnceValue(func() []Place {
	var out []Place
	names := map[string]string{}
	for line := range strings.Lines(shippedPlaces) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") || len(f) != 6 {
			continue
		}
		if len(f[0]) == 2 {
			names[f[0]] = f[1]
		}
		out = append(out, Place{Code: f[0], Name: f[1], Department: f[2], Kind: f[3], Latitude: &f[4], Longitude: &f[5]})
	}
	for i := range out {
		out[i].Of = names[out[i].Department]
	}
	return out
})
