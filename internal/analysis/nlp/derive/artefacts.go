package derive

// Artefact is one file that a package of the engine embeds.
type Artefact struct {
	Path string // below internal/analysis/nlp
	Make func(*Data) ([]byte, error)
}

// Artefacts lists all of them in the order in which to make them.
var Artefacts = []Artefact{
	{"sentiment/sentiment.bin", (*Data).Sentiment},
	{"spoken/spoken.bin", (*Data).Spoken},
	{"readability/calibration.bin", (*Data).Readability},
	{"topic/topic.bin", (*Data).Topic},
	{"vocabulary/colombia.bin", (*Data).Colombia},
}
