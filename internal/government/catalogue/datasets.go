package catalogue

import (
	"slices"
	"strings"

	"openlearn/internal/government/table"
)

// columns makes columns of lines "name type description".
func columns(lines string) (out []table.Column) {
	for line := range strings.Lines(strings.TrimSpace(lines)) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		kind, doc, _ := strings.Cut(rest, " ")
		out = append(out, table.Column{Name: name, Kind: table.Kind(kind), Doc: doc})
	}
	return out
}

const (
	compraEficiente = "Agencia Nacional de Contratación Pública - Colombia Compra Eficiente"
	dane            = "Departamento Administrativo Nacional de Estadística (DANE)"
	ideam           = "Instituto de Hidrología, Meteorología y Estudios Ambientales (IDEAM)"
	contaduria      = "Contaduría General de la Nación"
)

// Keys of datasets that routes of their own read.
const (
	Contracts      = "secop2_contracts"
	Processes      = "secop2_processes"
	Municipalities = "divipola_municipalities"
	Rate           = "trm"
	Spending       = "territorial_spending"
	Budget         = "territorial_budget"
)

const stationColumns = `
codigoestacion text Code of the station
codigosensor text Code of the sensor
fechaobservacion timestamp When it was observed
valorobservado number Observed value
nombreestacion text Name of the station
departamento text Department, in capitals
municipio text Municipality, in capitals
zonahidrografica text Hydrographic zone
latitud coordinate Latitude of the station
longitud coordinate Longitude of the station
descripcionsensor text What the sensor measures
unidadmedida text Unit`

// Variables are what stations measure: the keys of /api/government/climate/{variable}.
func Variables() []string {
	out := make([]string, 0, len(variables))
	for _, v := range variables {
		out = append(out, v.name)
	}
	return out
}

var variables = []struct{ name, id, title string }{
	{"precipitation", "s54a-sgyg", "Precipitación"},
	{"temperature", "sbwg-7ju4", "Temperatura ambiente del aire"},
	{"temperature_max", "ccvq-rp9s", "Temperatura máxima del aire"},
	{"temperature_min", "afdg-3zpb", "Temperatura mínima del aire"},
	{"humidity", "uext-mhny", "Humedad del aire"},
	{"wind_speed", "sgfv-3yp8", "Velocidad del viento"},
	{"wind_direction", "kiw7-v9ta", "Dirección del viento"},
	{"pressure", "62tk-nxj5", "Presión atmosférica"},
	{"river_level", "bdmn-sqnh", "Nivel instantáneo del río"},
}

// Climate is the key of the dataset of a variable.
func Climate(variable string) string { return "climate_" + variable }

var datasets = slices.Concat([]Dataset{
	{
		Key: Contracts, ID: "jbjy-vk9h", Title: "SECOP II - Contratos Electrónicos", Publisher: compraEficiente,
		Description: "Contracts of public entities in SECOP II, about six million.",
		Notes: []string{
			"Nine rows with absurd values hold 94 % of the sum of all: summaries leave out contracts of 10,000,000,000,000 pesos or more.",
			"Drafts (estado_contrato = Borrador) are among them; they bind nobody.",
			"Names and documents of suppliers are shown where the document is a company's; those of natural persons are null.",
		},
		Columns: columns(`
id_contrato text Id of the contract
proceso_de_compra text Id of the process: id_del_portafolio of secop2_processes
referencia_del_contrato text Reference that the entity gave it
nombre_entidad text Contracting entity
nit_entidad number Tax number of the entity
codigo_entidad text Code of the entity in SECOP
departamento text Department of the entity
ciudad text Municipality of the entity
localizaci_n text Country, department and municipality
orden text Level: Nacional, Territorial …
sector text Sector
rama text Branch of government
entidad_centralizada text Centralizada or Descentralizada
estado_contrato text State of the contract
tipo_de_contrato text Type of the contract
modalidad_de_contratacion text Modality of procurement
justificacion_modalidad_de text Why that modality
codigo_de_categoria_principal text UNSPSC code
descripcion_del_proceso text Description of the process
objeto_del_contrato text Subject of the contract
fecha_de_firma date Signed
fecha_de_inicio_del_contrato date Begins
fecha_de_fin_del_contrato date Ends
dias_adicionados number Days added
valor_del_contrato money Value
valor_pagado money Paid
valor_facturado money Invoiced
valor_pendiente_de_pago money To be paid
valor_pendiente_de_ejecucion money To be executed
origen_de_los_recursos text Origin of the money
destino_gasto text Kind of spending
tipodocproveedor text Type of the supplier's document
documento_proveedor text Document of the supplier, where it is a company
proveedor_adjudicado text Supplier, where it is a company
es_pyme text Whether the supplier is a small or medium company
urlproceso url Page of the process
ultima_actualizacion date Last change`),
		Roles: Roles{
			Department: "departamento", Municipality: "ciudad", Entity: "nombre_entidad", NIT: "nit_entidad", Day: "fecha_de_firma", Value: "valor_del_contrato",
			Text: "objeto_del_contrato",
		},
		Spelling: Secop, Order: "fecha_de_firma", Masked: []string{"proveedor_adjudicado"}, Masker: "documento_proveedor",
	},
	{
		Key: Processes, ID: "p6dx-8zbt", Title: "SECOP II - Procesos de Contratación", Publisher: compraEficiente,
		Description: "Procurement processes in SECOP II, about nine million rows.",
		Notes: []string{
			"A row is one award of a process: a process with several lots has several rows (id_del_proceso, id_adjudicacion).",
			"Names and tax numbers of suppliers are shown where the number is a company's; those of natural persons are null.",
		},
		Columns: columns(`
id_del_proceso text Id of the process
id_del_portafolio text Id of the portfolio: proceso_de_compra of secop2_contracts
id_adjudicacion text Id of the award
referencia_del_proceso text Reference that the entity gave it
entidad text Contracting entity
nit_entidad text Tax number of the entity
codigo_entidad text Code of the entity in SECOP
departamento_entidad text Department of the entity
ciudad_entidad text Municipality of the entity
ordenentidad text Level: Nacional, Territorial …
nombre_del_procedimiento text Name of the process
descripci_n_del_procedimiento text Description
fase text Phase
estado_del_procedimiento text State
estado_resumen text State, in short
adjudicado text Si or No
modalidad_de_contratacion text Modality of procurement
justificaci_n_modalidad_de text Why that modality
tipo_de_contrato text Type of the contract
codigo_principal_de_categoria text UNSPSC code
fecha_de_publicacion_del date Published
fecha_de_ultima_publicaci date Published last
fecha_adjudicacion date Awarded
precio_base money Base price
valor_total_adjudicacion money Value of the award
duracion number Duration
unidad_de_duracion text Unit of the duration
numero_de_lotes number Number of lots
respuestas_al_procedimiento number Number of answers
nombre_del_proveedor text Supplier, where it is a company
nit_del_proveedor_adjudicado text Tax number of the supplier, where it is a company
urlproceso url Page of the process`),
		Roles: Roles{
			Department: "departamento_entidad", Municipality: "ciudad_entidad", Entity: "entidad", NIT: "nit_entidad", Day: "fecha_de_publicacion_del", Value: "precio_base",
			Text: "nombre_del_procedimiento",
		},
		Spelling: Secop, Order: "fecha_de_publicacion_del", Masked: []string{"nombre_del_proveedor"}, Masker: "nit_del_proveedor_adjudicado",
	},
	{
		Key: "secop_integrated", ID: "rpmr-utcd", Title: "SECOP Integrado", Publisher: compraEficiente,
		Description: "Contracts of SECOP I and II together, about 23 million rows with few columns.",
		Notes: []string{
			"A fifth of the rows share their numero_del_contrato with another row.",
			"Names and documents of suppliers are shown where the document is a company's; those of natural persons are null.",
		},
		Columns: columns(`
numero_del_contrato text Number of the contract, not unique
numero_de_proceso text Number of the process
nivel_entidad text Level of the entity
codigo_entidad_en_secop text Code of the entity in SECOP
nombre_de_la_entidad text Contracting entity
nit_de_la_entidad text Tax number of the entity
departamento_entidad text Department of the entity
municipio_entidad text Municipality of the entity
estado_del_proceso text State
modalidad_de_contrataci_n text Modality of procurement
tipo_de_contrato text Type of the contract
objeto_a_contratar text Subject
objeto_del_proceso text Subject of the process
fecha_de_firma_del_contrato date Signed
fecha_inicio_ejecuci_n date Begins
fecha_fin_ejecuci_n date Ends
valor_contrato money Value
nom_raz_social_contratista text Supplier, where it is a company
documento_proveedor text Document of the supplier, where it is a company
url_contrato text Page of the contract
origen text SECOPI or SECOPII`),
		Roles: Roles{
			Department: "departamento_entidad", Municipality: "municipio_entidad", Entity: "nombre_de_la_entidad", NIT: "nit_de_la_entidad",
			Day: "fecha_de_firma_del_contrato", Value: "valor_contrato",
		},
		Spelling: Secop, Order: "fecha_de_firma_del_contrato", Masked: []string{"nom_raz_social_contratista"}, Masker: "documento_proveedor",
	},
	{
		Key: Municipalities, ID: "gdxc-w37w", Title: "DIVIPOLA - Códigos municipios", Publisher: dane,
		Description: "Departments and municipalities of Colombia with their codes, 1,122 rows.",
		Notes:       []string{"Coordinates are written with a decimal comma at the source."},
		Columns: columns(`
cod_mpio text Code of the municipality, five digits
nom_mpio text Name, in capitals
cod_dpto text Code of the department, two digits
dpto text Department, in capitals
tipo_municipio text Municipio, Isla or Área no municipalizada
longitud coordinate Longitude
latitud coordinate Latitude`),
		Roles: Roles{Department: "dpto", Municipality: "nom_mpio"}, Spelling: Capitals,
	},
	{
		Key: "divipola_centres", ID: "xaxy-8nri", Title: "DIVIPOLA - Códigos centros poblados", Publisher: dane,
		Description: "Populated places of Colombia with their codes, about 8,200 rows.",
		Notes:       []string{"Coordinates are written with a decimal comma, Medellín's with a thousands comma too."},
		Columns: columns(`
codigo_centro_poblado text Code, eight digits
nombre_centro_poblado text Name
tipo_centro_poblado text CM (seat of the municipality) or CP
codigo_municipio text Code of the municipality
nombre_municipio text Municipality
codigo_departamento text Code of the department
nombre_departamento text Department
longitud coordinate Longitude
latitud coordinate Latitude`),
		Roles: Roles{Department: "nombre_departamento", Municipality: "nombre_municipio"}, Spelling: Capitals,
	},
	{
		Key: Rate, ID: "32sa-8pi3", Title: "Tasa de Cambio Representativa del Mercado (TRM)", Publisher: "Superintendencia Financiera de Colombia",
		Description: "Pesos for a dollar, by the days for which a rate is valid.",
		Notes: []string{
			"A rate is valid from vigenciadesde to vigenciahasta, both included: weekends and holidays have the rate of the day before.",
			"The rate of the next day is published about 18:00 in Bogotá.",
			"mcec-87by is the same table under another id.",
			"Where two intervals share a day, the later one counts.",
		},
		Columns: columns(`
vigenciadesde date First day
vigenciahasta date Last day
valor money Pesos for a dollar
unidad text COP`),
		Roles: Roles{Day: "vigenciadesde", Value: "valor"}, Order: "vigenciadesde",
	},
	{
		Key: Spending, ID: "4f7r-epif", Title: "CUIPO - Ejecución de gastos", Publisher: contaduria,
		Description: "Spending of territorial entities: commitments, obligations and payments by account.",
		Notes: []string{
			"Figures are cumulative within a year: never add periods. The last period of a year holds all of it.",
			"Accounts are a tree: an account's figure holds those below it. Choose one level.",
			"The last five digits of codigo_entidad are the DIVIPOLA code of a municipality's entity.",
		},
		Columns: columns(`
periodo text Period, YYYYMMDD
codigo_entidad text Code of the entity
nombre_entidad text Entity
ambito_nombre text Kind of entity
cuenta text Account
nombre_cuenta text Name of the account
nom_seccion_presupuestal text Section of the budget
cod_vigencia_del_gasto text Code of the spending's year
nom_vigencia_del_gasto text This year's spending, or of which reserves
compromisos money Committed
obligaciones money Owed
pagos money Paid`),
		Roles: Roles{Entity: "nombre_entidad", Value: "compromisos"}, Order: "periodo",
	},
	{
		Key: Budget, ID: "d9mu-h6ar", Title: "CUIPO - Programación de gastos", Publisher: contaduria,
		Description: "Budgets of territorial entities: initial and final appropriations by account.",
		Notes: []string{
			"Figures are cumulative within a year: never add periods.",
			"Accounts are a tree: an account's figure holds those below it.",
		},
		Columns: columns(`
periodo text Period, YYYYMMDD
codigo_entidad text Code of the entity
nombre_entidad text Entity
ambito_nombre text Kind of entity
cuenta text Account
nombre_cuenta text Name of the account
nom_seccion_presupuestal text Section of the budget
cod_vigencia_del_gasto text Code of the spending's year
nom_vigencia_del_gasto text This year's spending, or of which reserves
apropiacion_inicial money Initial appropriation
apropiacion_definitiva money Final appropriation`),
		Roles: Roles{Entity: "nombre_entidad", Value: "apropiacion_definitiva"}, Order: "periodo",
	},
	{
		Key: "royalty_projects", ID: "mzgh-shtp", Title: "DNP - Proyectos del Sistema General de Regalías", Publisher: "Departamento Nacional de Planeación (DNP)",
		Description: "Projects that royalties pay for, with how far they are.",
		Columns: columns(`
codigobpin text Code of the project
nombre text Name
estado text State
sector text Sector
valortotal money Total value
codejecutor text Code of the executing entity
entidadejecutora text Executing entity
departamento text Department
ejecucionfisica number Physical progress, per cent
ejecucionfinanciera number Financial progress, per cent
nomocad text Body that approved it`),
		Roles: Roles{Department: "departamento", Entity: "entidadejecutora", Value: "valortotal"}, Spelling: Capitals, Order: "valortotal",
	},
	{
		Key: "homicides", ID: "m8fd-ahd9", Title: "Homicidio", Publisher: "Ministerio de Defensa Nacional",
		Description: "Homicides by day and municipality.",
		Notes:       []string{"A row may stand for several victims: add cantidad, do not count rows."},
		Columns: columns(`
fecha_hecho date Day
cod_depto text Code of the department
departamento text Department, in capitals
cod_muni text Code of the municipality
municipio text Municipality, in capitals
cantidad number Victims`),
		Roles: Roles{Department: "departamento", Municipality: "municipio", Day: "fecha_hecho"}, Spelling: Capitals, Order: "fecha_hecho",
	},
}, climates())

func climates() []Dataset {
	out := make([]Dataset, len(variables))
	for i, v := range variables {
		out[i] = Dataset{
			Key: Climate(v.name), ID: v.id, Title: "IDEAM - " + v.title, Publisher: ideam,
			Description: "Observations of automatic stations, every few minutes.",
			Notes: []string{
				"Observations are as the stations sent them, not validated.",
				"The tables hold hundreds of millions of rows: questions are bounded by days.",
			},
			Columns:  columns(stationColumns),
			Roles:    Roles{Department: "departamento", Municipality: "municipio", Day: "fechaobservacion", Value: "valorobservado", Station: "codigoestacion"},
			Spelling: Capitals, Order: "fechaobservacion", MostDays: 31,
		}
	}
	return out
}
