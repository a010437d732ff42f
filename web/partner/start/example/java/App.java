// SPDX-License-Identifier: Apache-2.0

// A sign-in with Danh in Java 17, on the JDK and Jackson alone. In a service of
// your own use a library that is certified, such as Nimbus OAuth 2.0 SDK or
// Spring Security; this program shows each check that it makes for you.
//
//   ISSUER=… CLIENT_ID=… CLIENT_SECRET=… SCOPE='openid purpose:… profile' \
//     java -cp '/usr/share/java/*' App.java        (Debian: libjackson2-databind-java)
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.math.BigInteger;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.AlgorithmParameters;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.ECPoint;
import java.security.spec.ECPublicKeySpec;
import java.time.Instant;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Collectors;
import static java.nio.charset.StandardCharsets.UTF_8;

public class App {
    static final String ISSUER = System.getenv("ISSUER"), CLIENT = System.getenv("CLIENT_ID"), SECRET = System.getenv("CLIENT_SECRET");
    static final int PORT = Integer.parseInt(System.getenv().getOrDefault("PORT", "9000"));
    static final String REDIRECT = "http://localhost:" + PORT + "/callback";
    static final HttpClient HTTP = HttpClient.newHttpClient();
    static final ObjectMapper JSON = new ObjectMapper();
    static final Base64.Encoder B64 = Base64.getUrlEncoder().withoutPadding();
    static JsonNode provider;

    public static void main(String[] args) throws Exception {
        provider = get(ISSUER + "/.well-known/openid-configuration", null);
        if (!provider.get("issuer").asText().equals(ISSUER)) throw new IOException("the description is another issuer's");
        HttpServer server = HttpServer.create(new InetSocketAddress("localhost", PORT), 0);
        server.createContext("/", e -> answer(e, App::begin));
        server.createContext("/callback", e -> answer(e, App::callback));
        server.start();
        System.err.println("open http://localhost:" + PORT + "/");
    }

    static void begin(HttpExchange e) throws Exception {
        String state = random(), nonce = random(), verifier = random();
        String challenge = B64.encodeToString(MessageDigest.getInstance("SHA-256").digest(verifier.getBytes(UTF_8)));
        JsonNode pushed = post(provider.get("pushed_authorization_request_endpoint").asText(), Map.of("response_type", "code", "redirect_uri", REDIRECT,
            "scope", System.getenv("SCOPE"), "state", state, "nonce", nonce, "code_challenge", challenge, "code_challenge_method", "S256"));
        // Whatever belongs to one sign-in stays with the browser that began it.
        for (var kept : Map.of("state", state, "nonce", nonce, "verifier", verifier).entrySet())
            e.getResponseHeaders().add("Set-Cookie", kept.getKey() + "=" + kept.getValue() + "; Path=/; Max-Age=600; HttpOnly; SameSite=Lax");
        e.getResponseHeaders().add("Location", provider.get("authorization_endpoint").asText() + "?" + form(Map.of("client_id", CLIENT, "request_uri", pushed.get("request_uri").asText())));
        e.sendResponseHeaders(302, -1);
    }

    static void callback(HttpExchange e) throws Exception {
        Map<String, String> q = pairs(e.getRequestURI().getRawQuery(), "&"), kept = pairs(String.join("; ", e.getRequestHeaders().getOrDefault("Cookie", java.util.List.of())), "; ");
        if (kept.get("state") == null || !kept.get("state").equals(q.get("state")) || !ISSUER.equals(q.get("iss"))) // RFC 9207
            throw new IOException("this is not an answer to a sign-in of this browser");
        if (q.containsKey("error")) throw new IOException(q.get("error"));
        JsonNode tokens = post(provider.get("token_endpoint").asText(), Map.of("grant_type", "authorization_code", "code", q.get("code"), "redirect_uri", REDIRECT, "code_verifier", kept.get("verifier")));
        JsonNode id = verify(tokens.get("id_token").asText());
        if (!id.get("nonce").asText().equals(kept.get("nonce"))) throw new IOException("the ID token is for another sign-in");
        JsonNode claims = get(provider.get("userinfo_endpoint").asText(), "Bearer " + tokens.get("access_token").asText());
        if (!claims.get("sub").equals(id.get("sub"))) throw new IOException("the user information is somebody else's");
        send(e, 200, "signed in: " + id.get("sub").asText() + "\n" + JSON.writerWithDefaultPrettyPrinter().writeValueAsString(claims) + "\n");
    }

    // verify checks an ID token: algorithm, key, signature, issuer, audience and
    // time (OpenID Connect Core 1.0, section 3.1.3.7).
    static JsonNode verify(String token) throws Exception {
        String[] part = token.split("\\.");
        JsonNode head = JSON.readTree(Base64.getUrlDecoder().decode(part[0]));
        if (part.length != 3 || !head.get("alg").asText().equals("ES256")) throw new IOException("the ID token is not signed by ES256");
        for (JsonNode k : get(provider.get("jwks_uri").asText(), null).get("keys")) {
            if (!k.get("kid").equals(head.get("kid"))) continue;
            AlgorithmParameters curve = AlgorithmParameters.getInstance("EC");
            curve.init(new ECGenParameterSpec("secp256r1"));
            ECPoint point = new ECPoint(number(k.get("x")), number(k.get("y")));
            Signature s = Signature.getInstance("SHA256withECDSAinP1363Format");
            s.initVerify(KeyFactory.getInstance("EC").generatePublic(new ECPublicKeySpec(point, curve.getParameterSpec(ECParameterSpec.class))));
            s.update((part[0] + "." + part[1]).getBytes(UTF_8));
            if (!s.verify(Base64.getUrlDecoder().decode(part[2]))) throw new IOException("the ID token's signature is wrong");
            JsonNode c = JSON.readTree(Base64.getUrlDecoder().decode(part[1]));
            if (!c.get("iss").asText().equals(ISSUER) || !c.get("aud").asText().equals(CLIENT) || c.get("exp").asLong() < Instant.now().getEpochSecond())
                throw new IOException("the ID token is another's, or over");
            return c;
        }
        throw new IOException("the ID token's key is not published");
    }

    static BigInteger number(JsonNode n) { return new BigInteger(1, Base64.getUrlDecoder().decode(n.asText())); }

    static JsonNode post(String to, Map<String, String> values) throws Exception {
        String basic = Base64.getEncoder().encodeToString((URLEncoder.encode(CLIENT, UTF_8) + ":" + URLEncoder.encode(SECRET, UTF_8)).getBytes(UTF_8));
        return read(HttpRequest.newBuilder(URI.create(to)).header("Authorization", "Basic " + basic).header("Content-Type", "application/x-www-form-urlencoded")
            .POST(HttpRequest.BodyPublishers.ofString(form(values))).build());
    }

    static JsonNode get(String from, String authorization) throws Exception {
        HttpRequest.Builder r = HttpRequest.newBuilder(URI.create(from));
        return read(authorization == null ? r.build() : r.header("Authorization", authorization).build());
    }

    static JsonNode read(HttpRequest r) throws Exception {
        HttpResponse<String> answer = HTTP.send(r, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() >= 300) throw new IOException(answer.statusCode() + " " + answer.body());
        return JSON.readTree(answer.body());
    }

    static String form(Map<String, String> values) {
        return values.entrySet().stream().map(v -> v.getKey() + "=" + URLEncoder.encode(v.getValue(), UTF_8)).collect(Collectors.joining("&"));
    }

    static Map<String, String> pairs(String text, String by) {
        Map<String, String> out = new HashMap<>();
        for (String p : (text == null ? "" : text).split(by)) {
            int i = p.indexOf('=');
            if (i > 0) out.put(p.substring(0, i), URLDecoder.decode(p.substring(i + 1), UTF_8));
        }
        return out;
    }

    static String random() {
        byte[] b = new byte[32];
        new SecureRandom().nextBytes(b);
        return B64.encodeToString(b);
    }

    interface Step { void take(HttpExchange e) throws Exception; }

    static void answer(HttpExchange e, Step step) throws IOException {
        try {
            step.take(e);
        } catch (Exception x) {
            send(e, 502, x.getMessage() + "\n");
        } finally {
            e.close();
        }
    }

    static void send(HttpExchange e, int status, String text) throws IOException {
        e.getResponseHeaders().set("Content-Type", "text/plain; charset=utf-8");
        e.sendResponseHeaders(status, text.getBytes(UTF_8).length);
        e.getResponseBody().write(text.getBytes(UTF_8));
    }
}
