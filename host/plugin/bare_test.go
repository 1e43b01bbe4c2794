//go:build unix

package plugin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
)

// bare is a plugin written from docs/protocol.md alone: it uses neither sdk nor go-plugin nor generated code. Its variants leave out
// what the document says may be missing, and break what it requires.
type bare struct {
	variant string
	mu      sync.Mutex
	end     chan struct{}
	methods []string // of the calls of Backend, in order: they overlap only in Events, which comes after what is checked
}

// serveBare runs the plugin to its end.
func serveBare(variant string) {
	b := &bare{variant: variant, end: make(chan struct{})}
	folder := os.Getenv("PLUGIN_UNIX_SOCKET_DIR")
	names := []string{"localhost"}
	if variant == "nameless" {
		names = []string{"example.com"}
	}
	cert, other := certificate(names), certificate(names)
	config := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"}}
	if variant == "mutual" {
		config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		config.ClientCAs.AppendCertsFromPEM([]byte(os.Getenv("PLUGIN_CLIENT_CERT")))
	}
	path := filepath.Join(folder, "bare.sock")
	lis, err := net.Listen("unix", path)
	if err != nil {
		panic(err)
	}
	g := grpc.NewServer(grpc.Creds(credentials.NewTLS(config)), grpc.ForceServerCodec(raw{}), grpc.UnknownServiceHandler(b.call))
	go g.Serve(lis) //nolint:errcheck // ends with the process
	shown := cert
	if variant == "impostor" {
		shown = other
	}
	fmt.Printf("1|2|unix|%s|grpc|%s\n", path, base64.RawStdEncoding.EncodeToString(shown.Certificate[0]))
	<-b.end
	time.Sleep(50 * time.Millisecond) // for the answer
	os.Exit(0)
}

// certificate returns a new certificate on P-256.
func certificate(names []string) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	t := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: names, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// raw passes messages as bytes.
type raw struct{}

var _ encoding.Codec = raw{}

func (raw) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }

func (raw) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = slices.Clone(data)
	return nil
}

func (raw) Name() string { return "proto" }

// call answers any call.
func (b *bare) call(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	if strings.HasPrefix(method, "/ptycho.") {
		b.mu.Lock()
		b.methods = append(b.methods, method)
		b.mu.Unlock()
	}
	var first []byte
	for n := 0; ; n++ { // the work starts at the end of the requests
		var m []byte
		if err := stream.RecvMsg(&m); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		if n == 0 {
			first = m
		}
	}
	b.mu.Lock()
	answers, err := b.answer(method, first)
	b.mu.Unlock()
	for _, a := range answers {
		if err := stream.SendMsg(&a); err != nil {
			return err
		}
	}
	return err
}

// answer returns the messages of an answer. All that the plugin does not have ends with UNIMPLEMENTED.
func (b *bare) answer(method string, _ []byte) ([][]byte, error) {
	switch method {
	case "/ptycho.plugin.v1.Backend/Info":
		m := text(text(text(nil, 1, "bare"), 2, "1"), 3, strings.Join(b.faults(), "; "))
		m = number(number(m, 4, 2), 5, 0)
		if b.variant == "trains" {
			m = text(m, 6, "train")
		}
		return [][]byte{text(number(m, 7, 1), 8, "add")}, nil // float32
	case "/ptycho.plugin.v1.Backend/Devices":
		return [][]byte{text(nil, 1, string(number(text(text(nil, 1, "cpu"), 2, strings.Join(b.methods, " ")), 3, 1)))}, nil
	case "/ptycho.plugin.v1.Backend/Open":
		params := text(number(number(nil, 1, 7), 2, 2), 3, "[]") // uint8 [2]
		return [][]byte{text(nil, 2, string(text(number(nil, 1, 1), 2, string(params))))}, nil
	case "/ptycho.plugin.v1.Backend/SetState":
		return [][]byte{{}}, nil
	case "/ptycho.plugin.v1.Backend/Evaluate": // ends before its first batch
		return nil, nil
	case "/ptycho.plugin.v1.Backend/Reconstruct":
		return nil, status.Error(codes.Canceled, "nobody cancelled it")
	case "/ptycho.plugin.v1.Backend/Shutdown":
		close(b.end)
		return [][]byte{{}}, nil
	}
	return nil, status.Error(codes.Unimplemented, "not in this toy")
}

func text(m []byte, field protowire.Number, value string) []byte {
	return protowire.AppendString(protowire.AppendTag(m, field, protowire.BytesType), value)
}

func number(m []byte, field protowire.Number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(m, field, protowire.VarintType), value)
}

// faults compares the start of the process with the document.
func (b *bare) faults() (out []string) {
	check := func(ok bool, format string, args ...any) {
		if !ok {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	check(len(os.Args) == 1, "arguments %q", os.Args)
	in, err := io.ReadAll(os.Stdin)
	check(err == nil && len(in) == 0, "standard input: %q, %v", in, err)
	for name, want := range map[string]string{"PTYCHO_PLUGIN": "5f0a1c8e-ptycho-backend", "PLUGIN_PROTOCOL_VERSIONS": "2", "PTYCHO_LIFELINE_FD": "3"} {
		check(os.Getenv(name) == want, "%s=%s", name, os.Getenv(name))
	}
	folder, err := os.Stat(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"))
	check(err == nil && folder.Mode().Perm() == 0o700, "the folder: %v, %v", folder, err)
	block, _ := pem.Decode([]byte(os.Getenv("PLUGIN_CLIENT_CERT")))
	if block == nil {
		return append(out, "PLUGIN_CLIENT_CERT is not PEM")
	}
	host, err := x509.ParseCertificate(block.Bytes)
	key, ok := host.PublicKey.(*ecdsa.PublicKey)
	check(err == nil && ok && key.Curve == elliptic.P521(), "the host's certificate: %v, %T", err, host.PublicKey)
	lifeline, err := os.NewFile(3, "lifeline").Stat()
	check(err == nil && lifeline.Mode()&os.ModeNamedPipe != 0, "descriptor 3: %v", err)
	check(slices.Contains([]string{"trace", "debug", "info", "warn", "error", "off"}, os.Getenv("PTYCHO_LOG_LEVEL")), "PTYCHO_LOG_LEVEL=%s", os.Getenv("PTYCHO_LOG_LEVEL"))
	check(len(b.methods) > 0 && strings.HasSuffix(b.methods[0], "Backend/Info"), "the first calls are %q", b.methods)
	return out
}
