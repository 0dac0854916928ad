package signin_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/signin"
	"github.com/guildhall-id/guildhall/internal/testhall"
)

func TestCountries(t *testing.T) {
	each(t, func(t *testing.T, h *testhall.Hall, _, _ testhall.Pool) {
		list := h.Signin.Countries()
		if len(list) < 230 || !slices.IsSortedFunc(list, func(a, b signin.Country) int { return strings.Compare(a.Alpha2, b.Alpha2) }) {
			t.Errorf("%d of them, in some order", len(list))
		}
		known := map[string]signin.Country{}
		for _, c := range list {
			if len(c.Alpha2) != 2 || len(c.Alpha3) != 3 || !strings.HasPrefix(c.CallingCode, "+") || len(c.Names) != len(signin.CountryLanguages()) {
				t.Errorf("%+v", c)
			}
			known[c.Alpha2] = c
		}
		for _, want := range []signin.Country{
			{Alpha2: "CN", Alpha3: "CHN", CallingCode: "+86", Flag: "🇨🇳", Names: map[string]string{"zh-CN": "中国", "en-US": "China", "zh-TW": "中國", "ja-JP": "中国"}},
			{Alpha2: "US", Alpha3: "USA", CallingCode: "+1", Flag: "🇺🇸", Names: map[string]string{"zh-CN": "美国", "en-US": "United States", "zh-TW": "美國", "ja-JP": "アメリカ合衆国"}},
			{Alpha2: "DE", Alpha3: "DEU", CallingCode: "+49", Flag: "🇩🇪", Names: map[string]string{"zh-CN": "德国", "en-US": "Germany", "zh-TW": "德國", "ja-JP": "ドイツ"}},
		} {
			got := known[want.Alpha2]
			if got.Alpha3 != want.Alpha3 || got.CallingCode != want.CallingCode || got.Flag != want.Flag {
				t.Errorf("%+v, want %+v", got, want)
			}
			for lang, name := range want.Names {
				if got.Names[lang] != name {
					t.Errorf("%s in %s: %s, want %s", want.Alpha2, lang, got.Names[lang], name)
				}
			}
		}
	})
}
