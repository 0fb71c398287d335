package sample

import (
	"fmt"
	"strconv"
)

// generalBanks are the banks of general.txt that the code draws from, by number.
type generalBanks struct {
	nombref, nombrem, apellido, redaccion int // names of people and of newsrooms
	conector, segun, cola, informe, union int // what introduces or attributes a fact
	verbo, resumio, funcionario           int // what introduces a quote
	hecho, cierre, puente                 int // whole sentences
	quotes                                [3]int
}

func (g *grammar) generalBanks() (b generalBanks, err error) {
	need := map[string]*int{
		"nombref": &b.nombref, "nombrem": &b.nombrem, "apellido": &b.apellido, "redaccion": &b.redaccion,
		"conector": &b.conector, "segun": &b.segun, "cola": &b.cola, "informe": &b.informe, "union": &b.union,
		"verbo": &b.verbo, "resumio": &b.resumio, "funcionario": &b.funcionario,
		"hecho": &b.hecho, "cierre": &b.cierre, "puente": &b.puente,
	}
	for k := range b.quotes {
		need["cita"+strconv.Itoa(k+1)] = &b.quotes[k]
	}
	for name, id := range need {
		var ok bool
		if *id, ok = g.general[name]; !ok {
			return b, fmt.Errorf("grammar: general bank %s is missing", name)
		}
		neutral := false
		for _, t := range g.banks[*id].items {
			neutral = neutral || t.tone == 0
		}
		if !neutral { // inTone would loop for ever
			return b, fmt.Errorf("grammar: general bank %s has no neutral line", name)
		}
	}
	return b, nil
}
