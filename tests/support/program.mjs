// A client as a program: it asks the server that its environment names, and writes the text to stdout as it comes.
const url = `${process.env.OPENAI_BASE_URL}/chat/completions`
const headers = { 'Content-Type': 'application/json', 'Authorization': `Bearer ${process.env.OPENAI_API_KEY}` }
const body = JSON.stringify({ model: 'm', stream: true, messages: [{ role: 'user', content: 'hi' }] })

async function* texts(response) {
  let rest = ''
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + piece).split('\n')
    rest = lines.pop()
    for (const line of lines) {
      const data = line.match(/^data: ?([^]*)/)?.[1].trim()
      if (data === '[DONE]') return
      if (!data || data.startsWith(':')) continue
      const { choices, error } = JSON.parse(data)
      if (error) throw new Error(error.message)
      yield choices?.[0]?.delta?.content ?? ''
    }
  }
  throw new Error('the answer ended without [DONE]')
}

const answer = await fetch(url, { method: 'POST', headers, body })
if (!answer.ok || !answer.headers.get('content-type')?.startsWith('text/event-stream')) throw new Error(await answer.text())
for await (const text of texts(answer)) process.stdout.write(text)
