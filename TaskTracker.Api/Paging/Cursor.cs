using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace TaskTracker.Api.Paging;

/// <summary>
/// Where a page ended: the order of the list, and the key and the number of its last row. It is opaque to clients, and
/// holds no secret: whatever it says, a list shows the caller's own rows only.
/// </summary>
/// <param name="Order">The name of the order; a cursor is good in its own order alone.</param>
/// <param name="Id">The last row's number.</param>
/// <param name="Key">What the list is sorted by before the number; empty where it is sorted by the number alone.</param>
internal sealed record Cursor(string Order, long Id, string Key = "")
{
    /// <summary>The longest text of a cursor: a title's characters have at most four bytes each, and Base64 makes four of three.</summary>
    public const int MaxLength = 1_200;

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>What is said of a text that is none.</summary>
    public static Dictionary<string, string[]> Problem =>
        new() { ["cursor"] = ["Must be the next_cursor of an earlier page of the same list in the same order, unchanged."] };

    /// <summary>Reads a cursor; no text at all is the beginning, and null.</summary>
    public static bool TryParse(string? text, string order, out Cursor? cursor)
    {
        cursor = null;
        if (text is null)
        {
            return true;
        }

        var bytes = new byte[MaxLength];
        if (text.Length > MaxLength || Base64Url.DecodeFromChars(text, bytes, out _, out var length) != OperationStatus.Done)
        {
            return false;
        }

        string[] parts;
        try
        {
            parts = Utf8.GetString(bytes, 0, length).Split(':', 3);
        }
        catch (DecoderFallbackException)
        {
            return false;
        }

        if (parts is not [_, _, _] || parts[0] != order || parts[2].Contains('\0', StringComparison.Ordinal)
            || !long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var id))
        {
            return false;
        }

        cursor = new Cursor(order, id, parts[2]);
        return true;
    }

    public override string ToString() => Base64Url.EncodeToString(Utf8.GetBytes($"{Order}:{Id}:{Key}"));
}
