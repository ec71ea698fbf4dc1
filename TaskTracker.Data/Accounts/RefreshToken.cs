using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace TaskTracker.Data.Accounts;

/// <summary>
/// A refresh token as the server knows it: its hash only. Each is good for one use, which makes the next of its family;
/// a second use means that two parties hold it, and revokes the family (RFC 9700, section 4.14.2).
/// </summary>
public sealed class RefreshToken
{
    /// <summary>The token's number.</summary>
    public long Id { get; set; }

    /// <summary>Whose token it is.</summary>
    public int UserId { get; set; }

    /// <summary>All tokens that descend from one login share this.</summary>
    public Guid FamilyId { get; set; }

    /// <summary>SHA-256 of the token: it is random, so a fast hash cannot be guessed back.</summary>
    public required byte[] TokenHash { get; set; }

    /// <summary>When it was handed out, in UTC.</summary>
    public DateTimeOffset CreatedAt { get; set; }

    /// <summary>When it ends by itself, in UTC.</summary>
    public DateTimeOffset ExpiresAt { get; set; }

    /// <summary>When it was exchanged for the next one, in UTC; null while it is good.</summary>
    public DateTimeOffset? UsedAt { get; set; }

    /// <summary>When its family was revoked by logout or by a second use, in UTC.</summary>
    public DateTimeOffset? RevokedAt { get; set; }
}

internal sealed class RefreshTokenConfiguration : IEntityTypeConfiguration<RefreshToken>
{
    public void Configure(EntityTypeBuilder<RefreshToken> token)
    {
        token.ToTable("refresh_tokens");
        token.HasIndex(t => t.TokenHash).IsUnique();
    }
}
