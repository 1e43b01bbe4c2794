package words

import (
	"strings"
	"testing"
)

func TestPublic_HoldsNoCredentials(t *testing.T) {
	for in, want := range map[string]string{
		"https://host/path":                      "https://host/path",
		"http://u:s3cret@127.0.0.1:5000/":        "http://127.0.0.1:5000/",
		"https://s3cret@host":                    "https://host",
		"https://host/api?token=s3cret#s3cret":   "https://host/api",
		"https://u:s3/cr@et@host/path":           "https://host/path",
		"https://u:1234/s3cret@host":             "https://host",
		"https://u:s3#cret?x@host/path?y=s3cret": "https://host/path",
		"https://u:%zzs3cret@host":               "https://host",
		"mysql+pymysql://u:s3cret@host/db":       "mysql+pymysql://host/db",
		"u:s3cret@host:5000":                     "host:5000",
		"./mlruns":                               "./mlruns",
		"/data/a@b?c#d":                          "/data/a@b?c#d",
		`C:\runs@home`:                           `C:\runs@home`,
		"":                                       "",
	} {
		if got := Address(in); got != want {
			t.Errorf("%s is shown as %s, want %s", in, got, want)
		}
	}
}

func TestScrub_FindsAddressesInASentence(t *testing.T) {
	in := `Get "https://u:s3cret@host/x?token=s3cret": refused, as was http://s3cret@other/; see (ftp://a:s3cret@b).`
	want := `Get "https://host/x": refused, as was http://other/; see (ftp://b).`
	if got := Scrub(in); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if plain := "no address: a@b, 10:30"; Scrub(plain) != plain {
		t.Error("a text without an address was changed")
	}
}

func FuzzScrub(f *testing.F) {
	f.Add("s3cret", "host")
	f.Fuzz(func(t *testing.T, secret, host string) {
		if strings.ContainsAny(secret+host, " \t\r\n\v\f\"'`<>@:/?#\u0085\u00a0") || len(secret) < 6 || strings.Contains(host, secret) || strings.TrimRight(secret, ".,;:)]}") != secret {
			t.Skip("an address cannot contain this secret unescaped")
		}
		if got := Scrub("x https://u:" + secret + "@" + host + "/ y"); strings.Contains(got, secret) && !strings.Contains("x https:///u y", secret) {
			t.Errorf("%q contains the secret", got)
		}
	})
}
