//go:build !race

package scraping

const raceEnabled = false
