package government

import (
	"context"
	"time"

	"openlearn/internal/government/catalogue"
	"openlearn/internal/government/table"
	"openlearn/internal/government/upstream"
)

// DatasetBody is a dataset as the API describes it.
type DatasetBody struct {
	Key         string                `json:"key"`
	Title       string                `json:"title"`
	Description string                `json:"description"`
	Filters     []string              `json:"filters" nullable:"false" doc:"Parameters of /rows that choose rows, beside where"`
	MostDays    int                   `json:"most_days" doc:"How many days one question may span; 0 = any"`
	Columns     []table.Column        `json:"columns" nullable:"false"`
	Attribution catalogue.Attribution `json:"attribution"`
}

func describe(d *catalogue.Dataset) DatasetBody {
	return DatasetBody{d.Key, d.Title, d.Description, append([]string{}, d.Filters()...), d.MostDays, d.Columns, d.Attribution()}
}

type datasetsOutput struct {
	Body struct {
		Items []DatasetBody `json:"items" nullable:"false"`
		Count int           `json:"count"`
	}
}

func (h *handlers) datasetList(context.Context, *struct{}) (*datasetsOutput, error) {
	out := &datasetsOutput{}
	for _, d := range catalogue.All() {
		out.Body.Items = append(out.Body.Items, describe(d))
	}
	out.Body.Count = len(out.Body.Items)
	return out, nil
}

type datasetInput struct {
	Key string `path:"key" maxLength:"60" example:"trm"`
}

type datasetOutput struct{ Body DatasetBody }

func (h *handlers) dataset(_ context.Context, in *datasetInput) (*datasetOutput, error) {
	d, err := known(in.Key)
	if err != nil {
		return nil, err
	}
	return &datasetOutput{describe(d)}, nil
}

// APIState is how an open-data service is doing.
type APIState struct {
	Name        string     `json:"name"`
	Base        string     `json:"base"`
	State       string     `json:"state" doc:"unknown (not asked yet), up, failing, resting (it asked to be left alone) or down (its breaker is open)"`
	Breaker     string     `json:"breaker" doc:"closed, half-open or open"`
	LastSuccess *time.Time `json:"last_success"`
	Age         *int       `json:"age_seconds" doc:"Since the last success"`
	LastError   *string    `json:"last_error" doc:"Kind of the last failure since then"`
	Token       *string    `json:"token" doc:"of datos.gov.co: none, in use, or refused"`
}

type apisOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		Items []APIState `json:"items" nullable:"false"`
		Count int        `json:"count"`
	}
}

func (h *handlers) apis(context.Context, *struct{}) (*apisOutput, error) {
	out := &apisOutput{CacheControl: "no-store"}
	out.Body.Items = h.s.APIs()
	out.Body.Count = len(out.Body.Items)
	return out, nil
}

// APIs tells how the services are doing, as this process has seen them.
func (s *Service) APIs() []APIState {
	out := make([]APIState, len(s.upstreams))
	for i, u := range s.upstreams {
		out[i] = s.stateOf(u)
	}
	return out
}

func (s *Service) stateOf(u *upstream.Client) APIState {
	st := u.State()
	a := APIState{Name: st.Name, Base: st.Base, State: "unknown", Breaker: st.Breaker}
	if !st.Last.IsZero() {
		at, age := st.Last.UTC(), int(s.now().Sub(st.Last)/time.Second)
		a.State, a.LastSuccess, a.Age = "up", &at, &age
	}
	if st.Failed != nil {
		kind := string(st.Failed.Kind)
		a.State, a.LastError = "failing", &kind
	}
	if st.Resting > 0 {
		a.State = "resting"
	}
	if st.Breaker == "open" {
		a.State = "down"
	}
	if st.Name == Datos {
		token := "none"
		switch {
		case s.soda.TokenRefused():
			token = "refused"
		case s.o.Config.AppToken != "":
			token = "in use"
		}
		a.Token = &token
	}
	return a
}
