using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using TaskTracker.Data;
using TaskTracker.Data.Accounts;
using TaskTracker.Data.Caching;

namespace TaskTracker.Api.Accounts;

/// <summary>
/// A session is a family of refresh tokens, each good for one use, which makes the next. Its user's row is the lock for
/// all that happens to it, so a logout and a refresh at the same moment leave no token behind.
/// </summary>
internal sealed class Sessions(TaskTrackerDbContext db, OwnerTransaction transaction, AccessTokens accessTokens, TimeProvider clock)
{
    /// <summary>How long a refresh token waits for its use.</summary>
    public static readonly TimeSpan RefreshLife = TimeSpan.FromDays(14);

    private const int TokenBytes = 32;

    public async Task<TokenResponse> BeginAsync(User user, CancellationToken cancellationToken)
    {
        var session = Guid.CreateVersion7();
        var (token, row) = NewRefreshToken(user.Id, session);
        db.RefreshTokens.Add(row);
        await db.SaveChangesAsync(cancellationToken);

        return Answer(user, session, token);
    }

    /// <summary>Exchanges a refresh token for new tokens; a second use of one revokes its whole session.</summary>
    public async Task<TokenResponse?> ContinueAsync(string refreshToken, CancellationToken cancellationToken)
    {
        var hash = Hash(refreshToken);
        return await transaction.RunAsync(
            [],
            async attempt =>
            {
                var user = await db.Users
                    .FromSql($"""
                        select u.id, u.user_name, u.normalized_user_name, u.email, u.normalized_email, u.password_hash, u.security_stamp,
                            u.concurrency_stamp, u.lockout_end, u.lockout_enabled, u.access_failed_count, u.is_active, u.role, u.created_at
                        from users u join refresh_tokens t on t.user_id = u.id
                        where t.token_hash = {hash}
                        for no key update of u
                        """)
                    .AsNoTracking()
                    .SingleOrDefaultAsync(attempt);
                if (user is null)
                {
                    return null;
                }

                var now = clock.GetUtcNow();
                var used = await db.RefreshTokens.AsNoTracking().SingleAsync(token => token.TokenHash == hash, attempt);
                if (used.UsedAt is not null)
                {
                    await RevokeAsync(user.Id, used.FamilyId, attempt);
                }

                if (used.UsedAt is not null || used.RevokedAt is not null || used.ExpiresAt <= now || !user.IsActive)
                {
                    return null;
                }

                await db.RefreshTokens.Where(token => token.Id == used.Id)
                    .ExecuteUpdateAsync(set => set.SetProperty(token => token.UsedAt, now), attempt);
                var (next, row) = NewRefreshToken(user.Id, used.FamilyId);
                db.RefreshTokens.Add(row);
                await db.SaveChangesAsync(attempt);

                return Answer(user, used.FamilyId, next);
            },
            cancellationToken);
    }

    public async Task EndAsync(int userId, Guid session, CancellationToken cancellationToken) => await transaction.RunAsync(
        [],
        async attempt =>
        {
            await db.Database.ExecuteSqlAsync($"select from users where id = {userId} for no key update", attempt);
            return await RevokeAsync(userId, session, attempt);
        },
        cancellationToken);

    private Task<int> RevokeAsync(int userId, Guid session, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        return db.RefreshTokens
            .Where(token => token.UserId == userId && token.FamilyId == session && token.RevokedAt == null)
            .ExecuteUpdateAsync(set => set.SetProperty(token => token.RevokedAt, now), cancellationToken);
    }

    private (string Token, RefreshToken Row) NewRefreshToken(int userId, Guid session)
    {
        var token = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(TokenBytes));
        var now = clock.GetUtcNow();

        return (token, new RefreshToken
        {
            UserId = userId,
            FamilyId = session,
            TokenHash = Hash(token),
            CreatedAt = now,
            ExpiresAt = now + RefreshLife,
        });
    }

    private TokenResponse Answer(User user, Guid session, string refreshToken) =>
        new(accessTokens.Create(user, session), "bearer", (int)AccessTokens.Life.TotalSeconds, refreshToken);

    private static byte[] Hash(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}
