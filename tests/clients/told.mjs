// Prints what a client heard, or the error that it met, as one line of JSON.
export async function tell(heard) {
  try {
    console.log(JSON.stringify(await heard()));
  } catch (error) {
    console.log(JSON.stringify({ error: error.message }));
  }
}
