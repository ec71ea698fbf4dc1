using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace TaskTracker.Data.Tasks;

/// <summary>
/// What a request that named an <c>Idempotency-Key</c> was answered, stored in the transaction that did its work: a
/// client that lost the answer asks again and gets the same one, and nothing happens twice.
/// </summary>
public sealed class IdempotentAnswer
{
    /// <summary>The longest key, in characters.</summary>
    public const int KeyMaxLength = 200;

    /// <summary>How long a key is remembered.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromHours(24);

    /// <summary>Whose request it was; another's equal key is another key.</summary>
    public int OwnerId { get; set; }

    /// <summary>The key.</summary>
    public required string Key { get; set; }

    /// <summary>SHA-256 of what was asked, so that a key cannot stand for two requests.</summary>
    public required byte[] RequestHash { get; set; }

    /// <summary>The answer's body.</summary>
    public required string Answer { get; set; }

    /// <summary>When it was answered, in UTC.</summary>
    public DateTimeOffset CreatedAt { get; set; }
}

internal sealed class IdempotentAnswerConfiguration : IEntityTypeConfiguration<IdempotentAnswer>
{
    public void Configure(EntityTypeBuilder<IdempotentAnswer> answer)
    {
        answer.ToTable("idempotent_answers");
        answer.HasKey(a => new { a.OwnerId, a.Key });
        answer.Property(a => a.Key).HasMaxLength(IdempotentAnswer.KeyMaxLength);
    }
}
