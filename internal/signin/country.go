package signin

import (
	"slices"
	"strconv"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// Country is a country or region that telephone numbers are given in.
type Country struct {
	Alpha2      string            // ISO 3166-1: "CN"
	Alpha3      string            // "CHN"
	CallingCode string            // "+86"
	Flag        string            // an emoji
	Names       map[string]string // by CountryLanguages
}

// CountryLanguages are those that countries have a name in.
func CountryLanguages() []string { return []string{"zh-CN", "en-US", "zh-TW", "ja-JP"} }

// Countries returns all countries in the order of Alpha2. They are made once, of the libraries' data alone, and not to be changed.
func (s *Signin) Countries() []Country { return s.countries() }

func newCountries() []Country {
	namers := map[string]display.Namer{}
	for _, lang := range CountryLanguages() {
		namers[lang] = display.Regions(language.MustParse(lang))
	}
	var list []Country
	for alpha2 := range phonenumbers.GetSupportedRegions() {
		region, err := language.ParseRegion(alpha2)
		code := phonenumbers.GetCountryCodeForRegion(alpha2)
		if err != nil || !region.IsCountry() || code == 0 {
			continue
		}
		c := Country{Alpha2: alpha2, Alpha3: region.ISO3(), CallingCode: "+" + strconv.Itoa(code), Names: make(map[string]string, len(namers))}
		for _, letter := range alpha2 {
			c.Flag += string(0x1F1E6 + letter - 'A') // the regional indicator of the letter
		}
		for lang, namer := range namers {
			if c.Names[lang] = namer.Name(region); c.Names[lang] == "" {
				c.Names[lang] = alpha2
			}
		}
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b Country) int {
		if a.Alpha2 < b.Alpha2 {
			return -1
		}
		return 1
	})
	return list
}
