using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using TaskTracker.Api.Json;
using TaskTracker.Data;
using TaskTracker.Data.Tasks;

namespace TaskTracker.Api.Http;

/// <summary>
/// Does what a request with an <c>Idempotency-Key</c> asks for once, and stores the answer in the transaction that did it:
/// whoever lost the answer asks again and gets the same one.
/// </summary>
internal sealed class Idempotency(TaskTrackerDbContext db, TimeProvider clock)
{
    /// <summary>The request's header.</summary>
    public const string Header = "Idempotency-Key";

    /// <summary>Does the work, unless this owner has sent the key before; called in the transaction of the work.</summary>
    /// <param name="owner">Who asks.</param>
    /// <param name="key">The header; without one the work is done each time.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="work">The work; it makes the answer.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The answer, or null where the key stands for another request.</returns>
    public async Task<TAnswer?> OnceAsync<TRequest, TAnswer>(
        int owner, string? key, TRequest request, Func<Task<TAnswer>> work, CancellationToken cancellationToken) where TAnswer : class
    {
        if (string.IsNullOrWhiteSpace(key))
        {
            return await work();
        }

        // By its name one kind of request is never taken for another, whatever they hold.
        byte[] hash = SHA256.HashData([.. Encoding.UTF8.GetBytes(typeof(TRequest).Name), .. JsonSerializer.SerializeToUtf8Bytes(request)]);
        if (!await ClaimAsync(owner, key, hash, cancellationToken))
        {
            var earlier = await db.IdempotentAnswers.AsNoTracking().SingleAsync(answer => answer.OwnerId == owner && answer.Key == key, cancellationToken);
            return earlier.RequestHash.AsSpan().SequenceEqual(hash) ? JsonSerializer.Deserialize<TAnswer>(earlier.Answer) : null;
        }

        var made = await work();
        var text = JsonSerializer.Serialize(made);
        await db.IdempotentAnswers.Where(row => row.OwnerId == owner && row.Key == key)
            .ExecuteUpdateAsync(set => set.SetProperty(row => row.Answer, text), cancellationToken);

        return made;
    }

    /// <summary>The answer where a key stands for another request.</summary>
    public static ProblemHttpResult KeyOfAnotherRequest() => TypedResults.Problem(
        $"{Header} was sent with another request within the last {IdempotentAnswer.Life.TotalHours:0} hours: use a new key for a new request.",
        statusCode: StatusCodes.Status422UnprocessableEntity);

    // Of two equal requests at the same moment the second waits here for the first to commit.
    private async Task<bool> ClaimAsync(int owner, string key, byte[] hash, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNowToMicroseconds();
        return await db.Database.ExecuteSqlAsync(
            $"""
            insert into idempotent_answers (owner_id, key, request_hash, answer, created_at)
            values ({owner}, {key}, {hash}, '', {now})
            on conflict (owner_id, key) do update
                set request_hash = excluded.request_hash, answer = excluded.answer, created_at = excluded.created_at
                where idempotent_answers.created_at <= {now - IdempotentAnswer.Life}
            """,
            cancellationToken) == 1;
    }
}
