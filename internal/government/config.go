package government

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"openlearn/internal/netguard"
)

// Config is what the environment says of open data.
type Config struct {
	// AppToken is sent to datos.gov.co, which otherwise counts our requests with those of everyone at our address.
	AppToken string `envconfig:"DATOS_GOV_APP_TOKEN" file:"true"`
	// Where the services are, if not where their publishers have them. Their hosts are the only ones that are asked.
	DatosURL     string `envconfig:"DATOS_GOV_URL"`
	CatalogURL   string `envconfig:"DATOS_GOV_CATALOG_URL"`
	BanrepURL    string `envconfig:"BANREP_URL"`
	WorldBankURL string `envconfig:"WORLD_BANK_URL"`
	// AllowedNets are networks that may be reached although they are not public, comma-separated.
	AllowedNets string `envconfig:"GOVERNMENT_ALLOWED_NETS"`
	// Workers is how many jobs of this domain run in this process at a time; 0: other instances do them.
	Workers int `envconfig:"GOVERNMENT_WORKERS" default:"1"`
	// UserAgent says who asks; "" = upstream.DefaultUserAgent.
	UserAgent string `envconfig:"GOVERNMENT_USER_AGENT"`

	nets []netip.Prefix
}

// Validate checks the settings.
func (c *Config) Validate() (err error) {
	var errs []error
	for _, u := range []struct {
		name, own string
		value     *string
	}{
		{"DATOS_GOV_URL", "https://www.datos.gov.co", &c.DatosURL},
		{"DATOS_GOV_CATALOG_URL", "https://api.us.socrata.com", &c.CatalogURL},
		{"BANREP_URL", "https://totoro.banrep.gov.co", &c.BanrepURL},
		{"WORLD_BANK_URL", "https://api.worldbank.org", &c.WorldBankURL},
	} {
		if *u.value = strings.TrimSpace(*u.value); *u.value == "" {
			*u.value = u.own
		}
		at, err := url.Parse(*u.value)
		if err != nil || at.Scheme != "https" && at.Scheme != "http" || at.Host == "" || at.User != nil || at.RawQuery != "" {
			errs = append(errs, fmt.Errorf("%s: expected an address such as https://www.datos.gov.co", u.name))
		}
	}
	if c.Workers < 0 || c.Workers > 16 {
		errs = append(errs, errors.New("GOVERNMENT_WORKERS: expected 0 to 16"))
	}
	c.AppToken, c.UserAgent = strings.TrimSpace(c.AppToken), strings.TrimSpace(c.UserAgent)
	for name, value := range map[string]string{"GOVERNMENT_USER_AGENT": c.UserAgent, "DATOS_GOV_APP_TOKEN": c.AppToken} {
		if err := netguard.CheckUserAgent(value); err != nil {
			errs = append(errs, fmt.Errorf("%s: expected %w", name, err))
		}
	}
	if c.nets, err = netguard.ParseNets(c.AllowedNets); err != nil {
		errs = append(errs, fmt.Errorf("GOVERNMENT_ALLOWED_NETS: expected %w", err))
	}
	return errors.Join(errs...)
}
