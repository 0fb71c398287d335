package text

import "strings"

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// Abbreviations keep their dot. Keys are in lower case, without it.
var (
	// titles are followed by a name: no sentence ends after them.
	titles = set(`sr sra srta sres srs sras dr dra dres drs d dª dña dn da lic licda ing ingra arq prof profª profa gral gen cnel tte
		cap capt cte sgto sgt cb subte brig alm mons pbro rvdo rdo hno hna fr sto sta ab abog econ mg mgs exc excmo excma ilmo ilma
		cra cl cll calle av avda ave tv trv transv dg diag diagonal kr kra km cir autop mz mza apto ap of ofic edif urb blq int
		no nro núm num n nos nº pág págs pag pags p pp art arts cap caps vol vols fig figs tel tels cel ext lit ed eds ej p.ej v vid cf cfr ref
		inc.no res exp rad min mín máx max aprox apróx aprox ca c dpto depto mpio mcpio prov fdo ud vd uds vds st mt ft
		sec secc tít inst univ fac col hosp hnos sn wm geo vs tca cta gob pte pdte vicepdte`)
	// closers may end a sentence too: the next word decides.
	closers = set(`etc s.a s.a.s ltda cía cia inc corp co bros jr sr hno hnos a.m p.m a.c d.c d.f b.c e.s.p e.s.e e.p.s i.p.s ee.uu ee uu ff.aa ff aa rr hh cc ss jj oo dd
		s.s u.s u.k u.s.a aa.vv ph.d m.sc u.n n.y o.e.a o.n.u f.c c.d s.l c.v depto dpto min seg hr hrs h km kg mts m cm lb lbs oz pts gr
		ene feb mar abr may jun jul ago sep sept oct nov dic lun mié jue vie sáb dom pág págs núm nº tel ext p.d q.e.p.d n.e r.d c.c n.i.t nit v.gr e.g i.e`)
)

// starters are words that, capitalised after a closing abbreviation, begin a sentence.
var starters = set(`el la los las lo un una unos unas en por para según con de del desde este esta esto estos estas ese esa eso esos esas aquel aquella
	pero además así aunque sin no ni y e o también como cuando mientras tras ante entre sobre su sus se hay es fue fueron era eran son ha han había habrá
	le les nos me te a al hasta hace hoy ayer mañana luego después antes allí ahí aquí ahora entonces sin si sí que quien quienes cual donde dónde cómo qué
	quién cuándo cuánto todo toda todos todas cada otro otra otros otras muchos muchas varios varias algunos algunas nadie nada alguien él ella ellos ellas
	yo tú usted ustedes nosotros durante contra mediante gracias debido actualmente finalmente asimismo igualmente incluso solo sólo ya aún todavía
	dijo dice señaló afirmó agregó tiene tenía está están estaba viajó llegó murió nació vive tal tampoco siempre nunca ningún ninguna mi tu nuestro nuestra porque
	pues más menos bajo dentro fuera frente cerca lejos dos tres cuatro cinco mil cien`)

// joinedBySlash are the units and conjunctions that are one word.
var joinedBySlash = set(`km/h m/s y/o c/u c/c s/n m/l mg/dl kw/h kg/m m3/s n/a`)

// domains end a host name that is written without www.
var domains = set(`com co org net gov edu mil info es mx ar pe cl ec ve uk us eu tv fm io ai app me news gob dev ly gl be br fr de it ca int travel online`)

// money are the letters that may precede a $ sign.
var money = set(`US COP USD MX MXN CO AU CA R S U AR CL HK NZ C A`)

// functionWords are left in lower case when a line in capitals is recased, and do not end a line of prose.
var functionWords = set(`a al ante bajo con contra de del desde durante en entre hacia hasta mediante para por según sin sobre tras e el la los las lo un una unos unas
	y o u ni que si como cuando donde pero sino aunque porque su sus mi mis tu tus se le les me te nos es son fue ha han hay no más muy ya este esta estos estas ese esa`)
