namespace TaskTracker.Data.Caching;

/// <summary>
/// Asks for versions on behalf of many at once: who comes while an answer is awaited goes with the next question. Nobody gets
/// an answer to a question that was sent before they came, so everybody sees every write that had ended by then.
/// </summary>
/// <param name="askAsync">Asks for the versions of different owners; the answers are in their order.</param>
internal sealed class OwnerVersionReads(Func<IReadOnlyList<int>, Task<IReadOnlyList<string?>>> askAsync)
{
    // As many as one script may touch.
    private const int Most = 100;

    private readonly Lock _gate = new();
    private Question? _next;
    private bool _isAsking;

    /// <summary>The version of an owner; null where the cache must be left alone for now.</summary>
    public Task<string?> ReadAsync(int owner)
    {
        Question question;
        int place;
        lock (_gate)
        {
            question = _next ??= new();
            place = question.Add(owner);
            if (!_isAsking)
            {
                _isAsking = true;
                _ = AskAsync();
            }
        }

        return question.AnswerAsync(place);
    }

    private async Task AskAsync()
    {
        while (true)
        {
            Question question;
            lock (_gate)
            {
                if (_next is null)
                {
                    _isAsking = false;
                    return;
                }

                (question, _next) = (_next, null);
            }

            await question.AskAsync(askAsync);
        }
    }

    private sealed class Question
    {
        private readonly Dictionary<int, int> _places = [];
        private readonly TaskCompletionSource<IReadOnlyList<string?>> _answers = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Add(int owner)
        {
            if (!_places.TryGetValue(owner, out var place))
            {
                _places[owner] = place = _places.Count;
            }

            return place;
        }

        public async Task<string?> AnswerAsync(int place) => (await _answers.Task)[place];

        public async Task AskAsync(Func<IReadOnlyList<int>, Task<IReadOnlyList<string?>>> askAsync)
        {
            try
            {
                int[] owners = [.. _places.Keys];
                List<string?> answers = new(owners.Length);
                foreach (var some in owners.Chunk(Most))
                {
                    // A server that never answers must not keep the next from being asked.
                    answers.AddRange(await askAsync(some).WaitAsync(CacheCircuit.Limit));
                }

                _answers.SetResult(answers);
            }
            catch (Exception exception)
            {
                _answers.SetException(exception);
            }
        }
    }
}
