package host

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

// clientCertEnv is where go-plugin's automatic mutual TLS passes the host's certificate to the plugin.
const clientCertEnv = "PLUGIN_CLIENT_CERT"

// mutualTLS makes a certificate for one plugin's connection: the TLS configuration of the host's end and the certificate as
// the plugin gets it. The plugin answers with its own in the handshake, which go-plugin then adds to the configuration.
//
// It does what go-plugin's AutoMTLS does, with P-256 in place of P-521: for many releases gRPC's C core, which carries its
// packages for Python, C++ and Ruby, took part in no handshake with any other curve.
func mutualTLS(now time.Time) (*tls.Config, string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, "", fmt.Errorf("key for mutual TLS: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 128))
	if err != nil {
		return nil, "", fmt.Errorf("serial number for mutual TLS: %w", err)
	}
	cert := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "localhost", Organization: []string{"archlab"}},
		DNSNames:              []string{"localhost"},
		SerialNumber:          serial,
		NotBefore:             now.Add(-time.Minute), // for clocks that are set back meanwhile
		NotAfter:              now.AddDate(1, 0, 0),  // longer than any run
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true, // it signs itself and is its own root
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		return nil, "", fmt.Errorf("certificate for mutual TLS: %w", err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		ServerName:   "localhost",
		MinVersion:   tls.VersionTLS12,
	}, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), nil
}
