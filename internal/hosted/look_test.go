package hosted

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/png"
	"regexp"
	"strings"
	"testing"

	"github.com/guildhall-id/guildhall/internal/signin"
)

func picture(t *testing.T, width, height int) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return pngPrefix + base64.StdEncoding.EncodeToString(b.Bytes())
}

func TestLogo(t *testing.T) {
	for logo, want := range map[string]bool{
		"https://cdn.example.com/logo.svg?v=1":          true,
		picture(t, 64, 32):                              true,
		"":                                              false,
		"http://cdn.example.com/logo.png":               false,
		"//cdn.example.com/logo.png":                    false,
		"https://user:secret@cdn.example.com/l":         false,
		"javascript:alert(1)":                           false,
		"data:image/svg+xml;base64,PHN2Zz4=":            false,
		"data:image/png;base64,AAAA":                    false,
		picture(t, 4096, 1):                             false,
		picture(t, 64, 32) + `"><script>`:               false,
		"https://a;script-src *.example.com/x":          false,
		"https://*.example.com/x":                       false,
		"https://a.example/" + strings.Repeat("x", 4e3): false,
		pngPrefix + strings.Repeat("A", 300<<10):        false,
	} {
		if got := safeLogo(logo) != ""; got != want {
			t.Errorf("%.60q: shown is %v", logo, got)
		}
	}
}

// Whatever colour an application has, its buttons and links can be read.
func TestColoursCanBeRead(t *testing.T) {
	value := regexp.MustCompile(`--([a-z-]+):(#[0-9a-f]{6})`)
	for _, text := range []string{"#000", "#fff", "#ffff00", "#808080", "#3451b2", "#ff0000", "#00ff00", "#0000ff", "#777777", "#E91E63", "#1a2"} {
		c, ok := parseColour(text)
		if !ok {
			t.Fatal(text)
		}
		v := map[string]colour{}
		for _, m := range value.FindAllStringSubmatch(string(brandStyle(c)), -1) {
			v[m[1]], _ = parseColour(m[2])
		}
		for _, pair := range []struct {
			what   string
			top    colour
			ground colour
		}{{"button", v["on-brand"], v["brand"]}, {"link in light", v["brand-text"], white}, {"link in light", v["brand-text"], lightGround}, {"link in dark", v["brand-text-dark"], darkGround}} {
			if got := contrast(pair.top, pair.ground); got < 4.5 {
				t.Errorf("%s: %s %v on %v stands out by %.2f", text, pair.what, pair.top, pair.ground, got)
			}
		}
	}
	for _, text := range []string{"", "red", "#12", "#12345", "#1234567", "#gggggg", "#fff;}body{display:none", "url(x)", "#fff\n", "rgb(0,0,0)"} {
		if _, ok := parseColour(text); ok {
			t.Errorf("%q is taken for a colour", text)
		}
	}
}

func TestTextsOfTheBrand(t *testing.T) {
	app := &signin.Application{Settings: signin.AppSettings{Branding: signin.Branding{Enabled: true, CSSEnabled: true, CSS: "body{display:none}", PrimaryColor: "#f00",
		Texts: map[string]string{"title": "Welcome", "title.zh-CN": "欢迎", "footer": strings.Repeat("x", 600)}}}}
	if got := looksOf(app, english); got.heading != "Welcome" || got.footer != "" || strings.Contains(string(got.style), "display") {
		t.Errorf("%+v", got)
	}
	off := *app
	off.Settings.Branding.Enabled = false
	if got := looksOf(&off, english); got.heading != "" || got.style != "" {
		t.Errorf("%+v", got)
	}
	if got := looksOf(app, chinese); got.heading != "欢迎" {
		t.Errorf("%+v", got)
	}
}

func TestSource(t *testing.T) {
	for uri, want := range map[string]string{
		"https://a.example/cb?x":     "https://a.example",
		"http://127.0.0.1:8080/cb":   "http://127.0.0.1:8080",
		"com.example.app:/cb":        "com.example.app:",
		"https://a.example; evil":    "",
		"https:///cb":                "",
		"https://*.example.com":      "",
		"cb":                         "",
		"https://a.example'unsafe'/": "",
	} {
		if got := source(uri); got != want {
			t.Errorf("%q is %q, not %q", uri, got, want)
		}
	}
}
