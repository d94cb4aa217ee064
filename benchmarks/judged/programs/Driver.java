// Clients in Java behind one driver, each as its manual shows: java -cp … Driver NAME
import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import okhttp3.Call;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;

public class Driver {
  static final String BODY = "{\"model\": \"m\", \"messages\": [{\"role\": \"user\", \"content\": \"hi\"}], \"stream\": true}";
  static final PrintStream TOLD = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  interface Client {
    void answer(String baseUrl, Consumer<String> text, Consumer<Runnable> onCancel) throws Exception;
  }

  // https://docs.oracle.com/en/java/javase/17/docs/api/java.net.http/java/net/http/HttpClient.html, BodyHandlers.ofLines
  static final HttpClient HTTP = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  static void lines(String baseUrl, Consumer<String> text, Consumer<Runnable> onCancel) throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(baseUrl + "/chat/completions"))
            .header("Content-Type", "application/json")
            .header("Authorization", "Bearer sk-orharness")
            .POST(HttpRequest.BodyPublishers.ofString(BODY))
            .build();
    HttpResponse<Stream<String>> response = HTTP.send(request, HttpResponse.BodyHandlers.ofLines());
    try (Stream<String> lines = response.body()) {
      onCancel.accept(lines::close);
      if (response.statusCode() != 200) {
        throw new IOException("HTTP " + response.statusCode() + ": " + lines.collect(Collectors.joining("\n")));
      }
      for (Iterator<String> each = lines.iterator(); each.hasNext(); ) {
        if (isLast(each.next(), text)) return;
      }
    }
  }

  // https://square.github.io/okhttp/recipes/#synchronous-get-kt-java, and #canceling-a-call
  static final OkHttpClient OKHTTP = new OkHttpClient();

  static void okhttp(String baseUrl, Consumer<String> text, Consumer<Runnable> onCancel) throws Exception {
    Request request =
        new Request.Builder()
            .url(baseUrl + "/chat/completions")
            .header("Authorization", "Bearer sk-orharness")
            .post(RequestBody.create(MediaType.get("application/json"), BODY))
            .build();
    Call call = OKHTTP.newCall(request);
    onCancel.accept(call::cancel);
    try (Response response = call.execute()) {
      if (!response.isSuccessful()) {
        throw new IOException("HTTP " + response.code() + ": " + response.body().string());
      }
      String line;
      while ((line = response.body().source().readUtf8Line()) != null) {
        if (isLast(line, text)) return;
      }
    }
  }

  /** What people write of a line; true for the marker of the end. */
  static boolean isLast(String line, Consumer<String> text) throws IOException {
    if (!line.startsWith("data: ")) return false;
    String data = line.substring(6);
    if (data.equals("[DONE]")) return true;
    JsonObject chunk = JsonParser.parseString(data).getAsJsonObject();
    if (chunk.has("error")) throw new IOException(chunk.get("error").toString());
    JsonArray choices = chunk.getAsJsonArray("choices");
    if (choices.size() == 0) return false;
    JsonElement content = choices.get(0).getAsJsonObject().getAsJsonObject("delta").get("content");
    if (content != null && !content.isJsonNull()) text.accept(content.getAsString());
    return false;
  }

  // ---- The protocol. -----------------------------------------------------------------------------------------------

  static synchronized void tell(String event, Object... more) {
    JsonObject message = new JsonObject();
    message.addProperty("event", event);
    for (int at = 0; at < more.length; at += 2) message.add((String) more[at], new Gson().toJsonTree(more[at + 1]));
    TOLD.println(new com.google.gson.GsonBuilder().serializeNulls().create().toJson(message));
    TOLD.flush();
  }

  static class Run {
    volatile boolean cancelled;
    volatile Runnable stop = () -> {};

    void begin(Client client, int id, String baseUrl) {
      try {
        client.answer(baseUrl, text -> { if (!text.isEmpty()) tell("delta", "id", id, "text", text); }, this::onCancel);
        tell(cancelled ? "cancelled" : "end", "id", id, "finish_reason", JsonNull.INSTANCE, "usage", JsonNull.INSTANCE);
      } catch (Exception error) {
        if (cancelled) tell("cancelled", "id", id);
        else tell("error", "id", id, "message", String.valueOf(error), "status", JsonNull.INSTANCE);
      }
    }

    void onCancel(Runnable act) {
      stop = act;
      if (cancelled) act.run();
    }

    void cancel() {
      cancelled = true;
      stop.run();
    }
  }

  public static void main(String[] words) throws Exception {
    Client client = words[0].equals("lines") ? Driver::lines : Driver::okhttp;
    tell("hello", "protocol", 1, "name", words[0], "version", "", "capabilities", new String[] {"cancel", "parallel"});
    Map<Integer, Run> running = new ConcurrentHashMap<>();
    BufferedReader orders = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line; (line = orders.readLine()) != null; ) {
      JsonObject order = JsonParser.parseString(line).getAsJsonObject();
      String op = order.get("op").getAsString();
      if (op.equals("quit")) break;
      int id = order.get("id").getAsInt();
      if (op.equals("stream")) {
        Run run = new Run();
        running.put(id, run);
        new Thread(() -> run.begin(client, id, order.get("base_url").getAsString())).start();
      } else if (running.containsKey(id)) {
        running.get(id).cancel();
      }
    }
    System.exit(0);
  }
}
