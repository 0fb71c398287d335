package newsdate

import "time"

// months matches any month name that monthNumbers knows; longer names first, because alternation takes the first match.
const months = `(septiembre|diciembre|noviembre|september|setiembre|december|february|november|febrero|january|october|octubre|agosto|august|abril|april|enero|julio|junio|march|marzo|agto|july|june|mayo|sept|abr|ago|apr|aug|dec|dic|ene|feb|jan|jul|jun|mar|may|nov|oct|sep|set)`

var monthNumbers = map[string]time.Month{
	"january": 1, "enero": 1, "ene": 1, "jan": 1,
	"february": 2, "febrero": 2, "feb": 2,
	"march": 3, "marzo": 3, "mar": 3,
	"abril": 4, "april": 4, "abr": 4, "apr": 4,
	"mayo": 5, "may": 5,
	"junio": 6, "june": 6, "jun": 6,
	"julio": 7, "july": 7, "jul": 7,
	"agosto": 8, "august": 8, "agto": 8, "ago": 8, "aug": 8,
	"septiembre": 9, "september": 9, "setiembre": 9, "sept": 9, "sep": 9, "set": 9,
	"october": 10, "octubre": 10, "oct": 10,
	"noviembre": 11, "november": 11, "nov": 11,
	"diciembre": 12, "december": 12, "dec": 12, "dic": 12,
}

// zones are the abbreviations that feeds of the Americas and Spain use, in hours east of UTC. CST is North America's.
var zones = map[string]int{
	"z": 0, "ut": 0, "utc": 0, "gmt": 0, "wet": 0,
	"cot": -5, "pet": -5, "ect": -5, "vet": -4, "bot": -4, "clt": -4, "clst": -3, "art": -3, "brt": -3, "uyt": -3,
	"ast": -4, "edt": -4, "est": -5, "cdt": -5, "cst": -6, "mdt": -6, "mst": -7, "pdt": -7, "pst": -8,
	"cet": 1, "cest": 2, "west": 1,
}

// fillers are words around a date that mean nothing for it.
var fillers = map[string]bool{
	"lunes": true, "martes": true, "miercoles": true, "jueves": true, "viernes": true, "sabado": true, "domingo": true,
	"lun": true, "mar": true, "mie": true, "jue": true, "vie": true, "sab": true, "dom": true,
	"monday": true, "tuesday": true, "wednesday": true, "thursday": true, "friday": true, "saturday": true, "sunday": true,
	"mon": true, "tue": true, "tues": true, "wed": true, "thu": true, "thur": true, "thurs": true, "fri": true, "sat": true, "sun": true,
	"publicado": true, "publicada": true, "actualizado": true, "actualizada": true, "modificado": true, "creado": true, "fecha": true,
	"published": true, "updated": true, "posted": true, "at": true, "on": true,
	"de": true, "del": true, "el": true, "la": true, "las": true, "los": true, "a": true, "hora": true, "local": true, "colombiana": true,
	"bogota": true, "colombia": true, "por": true,
}
